"""ImageNet weights for the encoders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.error import URLError

import torch
import torch.nn as nn
from monai.utils import optional_import

from monai_nlseg.networks.checks import check_channels


def adapt_first_convolution(weight: torch.Tensor, in_channels: int) -> torch.Tensor:
    """Turn kernels for colour images into kernels for ``in_channels`` channels.

    One channel gets the sum over red, green and blue: a grey image then gives what the same image gave in three equal
    channels. More channels repeat the three in turn, scaled by ``3 / in_channels``, which keeps the size of the
    output. This is the rule of timm and segmentation_models_pytorch.

    Args:
        weight: (out_channels, 3, *kernel).
        in_channels: channels wanted, at least 1.

    Returns:
        (out_channels, in_channels, *kernel); for 3 the weight itself.

    Raises:
        ValueError: for a weight that does not take three channels, or an invalid number of channels.
    """
    check_channels(in_channels=in_channels)
    if weight.dim() < 3 or weight.shape[1] != 3:
        raise ValueError(f"the first convolution has shape {list(weight.shape)}: expected (out_channels, 3, *kernel).")
    if in_channels == 3:
        return weight
    if in_channels == 1:
        return weight.sum(dim=1, keepdim=True)
    turns = [channel % 3 for channel in range(in_channels)]
    return weight[:, turns] * (3 / in_channels)


def read_imagenet_weights(path: str | Path) -> dict[str, torch.Tensor]:
    """Read a state dict from a file that PyTorch wrote, or from one in safetensors' format.

    Args:
        path: the file; one in safetensors' format ends in ``.safetensors``.

    Raises:
        ValueError: for a file that is missing, unreadable or holds something else.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(
            f"weights_path '{path}' is not a file or does not exist: give one with the encoder's ImageNet state dict."
        )
    if path.suffix == ".safetensors":
        return _read_safetensors(path)
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # a damaged file can raise anything, and PyTorch's messages advise loading code
        raise ValueError(
            f"weights_path '{path}' is not a file of PyTorch weights: it is damaged or holds more than tensors, give "
            "one that torch.save(network.state_dict(), FILE) wrote."
        ) from None
    named = isinstance(state, Mapping) and all(isinstance(name, str) for name in state)
    if not named or not state or not all(isinstance(tensor, torch.Tensor) for tensor in state.values()):
        raise ValueError(f"weights_path '{path}' holds no state dict: give a mapping of names to tensors.")
    return dict(state)


def _read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    load_file, found = optional_import("safetensors.torch", name="load_file")
    if not found:
        raise ValueError(f"weights_path '{path}' needs safetensors, which is not installed: pip install safetensors.")
    try:
        return load_file(path)
    except Exception as error:  # SafetensorError is a plain Exception
        raise ValueError(f"weights_path '{path}' is not a file of safetensors ({error}).") from None


def fetch_imagenet_weights(
    name: str, fetch: Callable[[], Mapping[str, torch.Tensor]], file: str
) -> dict[str, torch.Tensor]:
    """Call a library's own loader, and say in one sentence when it fails without a network.

    Args:
        name: the encoder, for the message.
        fetch: calls the library's loader.
        file: the file that the loader looks for, for the message.

    Raises:
        ConnectionError: if the weights cannot be fetched.
    """
    try:
        return dict(fetch())
    except (URLError, OSError) as error:
        raise ConnectionError(
            f"ImageNet weights of {name} could not be fetched ({error}): copy {file} from a machine with a network "
            "and give weights_path=FILE, or pretrained=False."
        ) from None


def load_imagenet_weights(
    encoder: nn.Module, state: Mapping[str, torch.Tensor], first: str, ignore: tuple[str, ...] = ()
) -> None:
    """Load ImageNet weights into an encoder, its first convolution by :func:`adapt_first_convolution`.

    Args:
        encoder: its state dict has the names of ``state``.
        state: the weights; counts of batches may be missing.
        first: name of the first convolution's weight.
        ignore: beginnings of names of the classifier, which the encoder does not have.

    Raises:
        ValueError: naming the tensors that are missing, unknown or of another shape.
    """
    expected = encoder.state_dict()
    given = {name: tensor for name, tensor in state.items() if not name.startswith(ignore)}
    counts = {name: tensor for name, tensor in expected.items() if name.endswith("num_batches_tracked")}
    missing = sorted(expected.keys() - given.keys() - counts.keys())
    unknown = sorted(given.keys() - expected.keys())
    if missing or unknown:
        raise ValueError(
            f"these are not the encoder's ImageNet weights: missing {missing[:5] or 'none'}, unknown "
            f"{unknown[:5] or 'none'} ({len(missing)} and {len(unknown)} in all)."
        )
    given[first] = adapt_first_convolution(given[first], expected[first].shape[1])
    for name, tensor in given.items():
        if tensor.shape != expected[name].shape:
            raise ValueError(
                f"tensor '{name}' has shape {list(tensor.shape)}, the encoder's has {list(expected[name].shape)}."
            )
    encoder.load_state_dict({**counts, **given})


def load_resnet_weights(encoder: nn.Module, depth: int, weights_path: str | Path | None = None) -> None:
    """Load torchvision's ImageNet weights into a ResNet of its names, such as MONAI's.

    Args:
        encoder: the ResNet, without its classifier ``fc``.
        depth: 18, 34, 50, 101 or 152.
        weights_path: file with the state dict; None for torchvision's own loader, which fetches it or finds it in its
            cache.

    Raises:
        ValueError: without torchvision, or for a file without the weights.
        ConnectionError: if they cannot be fetched.
    """
    state = _fetch_resnet(depth) if weights_path is None else read_imagenet_weights(weights_path)
    load_imagenet_weights(encoder, state, "conv1.weight", ignore=("fc.",))


def _fetch_resnet(depth: int) -> dict[str, torch.Tensor]:
    weights, found = optional_import("torchvision.models", name=f"ResNet{depth}_Weights")
    if not found:
        raise ValueError(
            "pretrained=True takes ImageNet weights from torchvision, which is not installed or does not fit torch: "
            "install one that does, or give weights_path=FILE."
        )
    chosen = weights.IMAGENET1K_V1
    return fetch_imagenet_weights(f"ResNet-{depth}", chosen.get_state_dict, chosen.url.rsplit("/", 1)[-1])
