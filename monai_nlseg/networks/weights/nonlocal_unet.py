"""The published Non-local U-Net's weights as state dicts of this one."""

from __future__ import annotations

import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.utils import optional_import
from numpy.typing import ArrayLike

from monai_nlseg.networks.nets.nonlocal_unet import NonLocalUNet

_BATCH_NORM = {"gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
# What a training checkpoint holds besides the network.
_OPTIMISER = re.compile(r"(^|/)(beta[12]_power|global_step)$|/(Adam|Adam_1|Momentum|ExponentialMovingAverage)$")
_DEPTH = 3


def nonlocal_unet_state_from_tf(variables: Mapping[str, ArrayLike]) -> dict[str, torch.Tensor]:
    """Convert the variables of the published TensorFlow Non-local U-Net into a state dict of :class:`NonLocalUNet`.

    Networks of depth 3 with bottom attention and with attention in none, the first or both up-sampling blocks are
    distinguished by their variables: ``NonLocalUNet.model5``, ``.released`` (the published code) and ``.paper``.
    Channels, features and classes follow from the shapes.

    Args:
        variables: TensorFlow variable name -> array. A leading ``var/`` and a trailing ``:0`` are allowed; what an
            optimiser stored is skipped.

    Returns:
        State dict for ``load_state_dict(strict=True)``, float32.

    Raises:
        ValueError: naming every variable that is missing, unknown, of another shape or not finite.
    """
    arrays = {
        plain: np.asarray(array) for name, array in variables.items() if not _OPTIMISER.search(plain := _plain(name))
    }
    attends = _upsample_attention(arrays)
    names = dict(_names(attends))
    missing = [name for name in names if name not in arrays]
    unknown = [name for name in arrays if name not in names]
    if missing or unknown:
        raise ValueError(
            f"these are not the variables of a published Non-local U-Net: missing {missing or 'none'}, unknown "
            f"{unknown or 'none'}; give exactly the network's variables."
        )
    first, last = list(names)[0], list(names)[-1]
    if arrays[first].ndim != 5 or arrays[last].ndim != 1:
        raise ValueError(f"'{first}' has shape {arrays[first].shape}, expected (3, 3, 3, channels, features).")
    with torch.device("meta"):
        expected = NonLocalUNet(
            in_channels=arrays[first].shape[3],
            out_channels=arrays[last].shape[0],
            features=arrays[first].shape[4],
            upsample_attention=attends,
        ).state_dict()
    state = {key: torch.zeros((), dtype=torch.int64) for key in expected if key.endswith("num_batches_tracked")}
    for name, key in names.items():
        state[key] = _tensor(name, arrays[name], expected[key].shape)
    return {key: state[key] for key in expected}


def read_tf_variables(path: str | Path) -> dict[str, np.ndarray]:
    """Read variables from an ``.npz`` file, or from a TensorFlow checkpoint if TensorFlow is installed.

    Arrays of an ``.npz`` named ``var/...`` are the variables if there are any; else all arrays are.

    Args:
        path: the ``.npz`` file, or the prefix of the checkpoint's files.

    Raises:
        ValueError: for a file that is missing or unreadable, or a checkpoint without TensorFlow.
    """
    path = Path(path)
    if path.suffix == ".npz":
        if not path.is_file():
            raise ValueError(f"'{path}' does not exist: give an .npz file or the prefix of a TensorFlow checkpoint.")
        try:
            with np.load(path, allow_pickle=False) as file:
                prefixed = [name for name in file.files if name.startswith("var/")]
                return {name: file[name] for name in prefixed or file.files}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(f"'{path}' is not a readable .npz file ({error}): restore it.") from None
    prefix = path.with_suffix("") if path.suffix == ".index" else path
    if not prefix.with_name(f"{prefix.name}.index").is_file():
        raise ValueError(f"'{path}' is neither an .npz file nor the prefix of a TensorFlow checkpoint: give one.")
    train, found = optional_import("tensorflow", name="train")
    if not found:
        raise ValueError(
            f"'{path}' is a TensorFlow checkpoint and TensorFlow is not installed: pip install tensorflow-cpu, or "
            "save the variables as .npz."
        )
    reader = train.load_checkpoint(str(prefix))
    return {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}


def nonlocal_unet_variant(variables: Mapping[str, ArrayLike]) -> str:
    """Return the name of the constructor of :class:`NonLocalUNet` that published variables fit.

    Args:
        variables: as :func:`nonlocal_unet_state_from_tf` takes them.

    Returns:
        "model5", "released" or "paper".

    Raises:
        ValueError: if they fit none.
    """
    attends = _upsample_attention({_plain(name): array for name, array in variables.items()})
    return {(False, False): "model5", (True, False): "released", (True, True): "paper"}[attends]


def _plain(name: str) -> str:
    return name.removeprefix("var/").removesuffix(":0")


def _upsample_attention(arrays: Mapping[str, Any]) -> tuple[bool, bool]:
    blocks = sum(bool(re.fullmatch(r"multihead_attention_3d(_\d+)?/conv3d_transpose/kernel", name)) for name in arrays)
    return (blocks > 0, blocks > 1)


def _names(upsample_attention: tuple[bool, bool]) -> Iterator[tuple[str, str]]:
    """Yield (TensorFlow name, key of the state dict) in the order in which the published code creates its variables.

    TensorFlow names a layer after its kind and numbers each kind by itself, and starts again inside an attention block.
    """
    counter: Counter[str] = Counter()

    def layer(kind: str) -> str:
        number = counter[kind]
        counter[kind] += 1
        return f"{kind}_{number}" if number else kind

    def convolution(key: str, kind: str = "conv3d", bias: bool = False) -> Iterator[tuple[str, str]]:
        name = layer(kind)
        yield f"{name}/kernel", f"{key}.weight"
        if bias:
            yield f"{name}/bias", f"{key}.bias"

    def batch_norm(key: str) -> Iterator[tuple[str, str]]:
        name = layer("batch_normalization")
        for theirs, ours in _BATCH_NORM.items():
            yield f"{name}/{theirs}", f"{key}.norm.{ours}"

    def attention(key: str, query: str) -> Iterator[tuple[str, str]]:
        block, inner = layer("multihead_attention_3d"), Counter[str]()
        for part, kind in (("query", query), ("key", "conv3d"), ("value", "conv3d"), ("project", "conv3d")):
            name = f"{block}/{kind}_{inner[kind]}" if inner[kind] else f"{block}/{kind}"
            inner[kind] += 1
            module = f"{key}.{part}.conv" if kind == "conv3d_transpose" else f"{key}.{part}"
            yield f"{name}/kernel", f"{module}.weight"
            yield f"{name}/bias", f"{module}.bias"

    yield from convolution("initial.conv")
    for level in range(_DEPTH):
        yield from batch_norm(f"encoder.{level}.norm_act1")
        yield from convolution(f"encoder.{level}.projection")
        yield from convolution(f"encoder.{level}.conv1.conv")
        yield from batch_norm(f"encoder.{level}.norm_act2")
        yield from convolution(f"encoder.{level}.conv2.conv")
    yield from batch_norm("bottom.norm_act")
    yield from attention("bottom.aggregation", "conv3d")
    for index, attends in enumerate(upsample_attention):
        if attends:
            yield from batch_norm(f"upsample.{index}.norm_act")
            yield from convolution(f"upsample.{index}.projection.conv", "conv3d_transpose")
            yield from attention(f"upsample.{index}.aggregation", "conv3d_transpose")
        else:
            yield from convolution(f"upsample.{index}.conv", "conv3d_transpose")
        for number in (1, 2):
            yield from batch_norm(f"decoder.{index}.norm_act{number}")
            yield from convolution(f"decoder.{index}.conv{number}.conv")
    yield from batch_norm("norm_act")
    yield from convolution("output", bias=True)


def _tensor(name: str, array: np.ndarray, expected: torch.Size) -> torch.Tensor:
    """Return a variable in PyTorch's layout.

    Kernels (k, k, k, in, out) of convolutions and (k, k, k, out, in) of transposed ones are both permuted by (4, 3, 0,
    1, 2).
    """
    turned = array.transpose(4, 3, 0, 1, 2) if array.ndim == 5 else array
    if turned.shape != tuple(expected):
        wanted = tuple(expected[axis] for axis in (2, 3, 4, 1, 0)) if len(expected) == 5 else tuple(expected)
        raise ValueError(f"variable '{name}' has shape {array.shape}, expected {wanted}.")
    if not np.isfinite(array).all():
        raise ValueError(f"variable '{name}' holds NaN or infinite values: restore the checkpoint.")
    return torch.from_numpy(np.ascontiguousarray(turned, dtype=np.float32))
