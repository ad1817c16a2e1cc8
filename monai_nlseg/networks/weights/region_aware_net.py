"""The published region-aware net's weights as state dicts of this one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from monai_nlseg.networks.nets.region_aware_net import RegionAwareNet

# Beginnings of names: here -> in the published checkpoint.
_BEGINNINGS = {
    "encoder.conv1.": "firstconv.",
    "encoder.bn1.": "firstbn.",
    "encoder.layer": "encoder",
    "aggregation.value.": "RPA.value_conv.",
    "aggregation.fusion.conv.": "RPA.fusion.0.",
    "aggregation.fusion.adn.N.": "RPA.fusion.1.",
    "aggregation.gamma": "RPA.gamma",
    "finest.0.": "finaldeconv1.",
    "finest.2.": "finalconv2.",
    "output.": "finalconv3.",
    "fusion.parts.0.bias": "APF.fusion.bias",
    "fusion.attention.conv.": "APF.eca.conv.",
    "fusion.gamma": "APF.gamma",
}
for _index in range(3):
    _BEGINNINGS[f"aggregation.regions.{_index}.1."] = f"RPA.RCE.{_index}.1."
for _index in range(4):
    for _layer, _theirs in enumerate(("conv1", "deconv2", "conv3")):
        _BEGINNINGS[f"decoder.{_index}.{_layer}.conv."] = f"decoder{4 - _index}.{_theirs}."
        _BEGINNINGS[f"decoder.{_index}.{_layer}.adn.N."] = f"decoder{4 - _index}.norm{_layer + 1}."
for _index in (1, 2):
    _BEGINNINGS[f"fusion.parts.{_index}.0."] = f"APF.up{_index + 1}.up.1."
    _BEGINNINGS[f"fusion.parts.{_index}.1."] = f"APF.up{_index + 1}.up.2."
# The parts of the fusing convolution, which is one tensor in the checkpoint.
_PARTS = ("fusion.parts.0.weight", "fusion.parts.1.3.weight", "fusion.parts.2.3.weight")
_WHOLE = "APF.fusion.weight"


def region_aware_net_state_from_released(checkpoint: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """Convert a checkpoint of the published code into a state dict of :class:`RegionAwareNet` (``"released"``).

    Whether it is an ablation (without RPA, without APF) is seen from its names; channels and classes follow from the
    shapes. The published network ends in a sigmoid, this one in the logits.

    The published names leave one interpretation open: the convolution in ``APF.up2`` is taken for the map of half
    the input's size (up-sampled by 2) and ``APF.up3`` for that of a quarter, in the order of the network's arguments;
    the shapes are the same either way.

    Args:
        checkpoint: name -> tensor. It may stand under "state_dict" or "model"; a leading ``module.``, which
            :class:`torch.nn.DataParallel` adds, an index ``APF.fusion.0`` and missing counts of batches are allowed.

    Returns:
        State dict for ``load_state_dict(strict=True)``, float32.

    Raises:
        ValueError: naming the tensors that are missing or unknown (the first five of each), and all of another shape or
            not finite; for a checkpoint that is not a mapping.

    Examples::

        >>> import torch
        >>> from monai_nlseg.networks.nets import RegionAwareNet
        >>> from monai_nlseg.networks.weights import region_aware_net_state_from_released
        >>> checkpoint = torch.load("released.pth", weights_only=True)  # doctest: +SKIP
        >>> RegionAwareNet().load_state_dict(region_aware_net_state_from_released(checkpoint))  # doctest: +SKIP
        <All keys matched successfully>
    """
    given = _plain(checkpoint)
    ours = _expected(given)
    shapes = _released_shapes(ours)
    _check(given, shapes)
    state: dict[str, torch.Tensor] = {}
    for key, expected in ours.items():
        if key.endswith("num_batches_tracked"):
            tensor = given.get(_released_name(key), torch.zeros((), dtype=torch.int64))
        elif key in _PARTS:
            tensor = given[_WHOLE].chunk(len(_PARTS), dim=1)[_PARTS.index(key)]
        elif key.startswith("aggregation.query_key."):
            tensor = torch.cat([given[name] for name in _query_and_key(key)])
        else:
            tensor = given[_released_name(key)]
        # A copy, in which gamma has no axis.
        state[key] = (
            tensor.detach().to(expected.dtype).reshape(expected.shape).clone(memory_format=torch.contiguous_format)
        )
    return state


def _plain(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    if not isinstance(checkpoint, Mapping):
        raise ValueError(f"the checkpoint is a {type(checkpoint).__name__}: give its state dict, names to tensors.")
    for wrapper in ("state_dict", "model"):
        if isinstance(checkpoint.get(wrapper), Mapping):
            checkpoint = checkpoint[wrapper]
    return {
        str(name).removeprefix("module.").replace("APF.fusion.0.", "APF.fusion."): value
        for name, value in checkpoint.items()
    }


def _expected(given: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    """Return the state dict, without values, of the network to which the checkpoint's names and channels belong."""

    def channels(name: str, axis: int, published: int) -> int:
        tensor = given.get(name)
        return tensor.shape[axis] if isinstance(tensor, torch.Tensor) and tensor.dim() == 4 else published

    with torch.device("meta"):
        return RegionAwareNet(
            in_channels=channels("firstconv.weight", 1, 3),
            out_channels=channels("finalconv3.weight", 0, 1),
            region_aggregation=any(name.startswith("RPA.") for name in given),
            pyramid_fusion=any(name.startswith("APF.") for name in given),
        ).state_dict()


def _released_shapes(ours: Mapping[str, torch.Tensor]) -> dict[str, list[int]]:
    shapes: dict[str, list[int]] = {}
    for key, tensor in ours.items():
        shape = list(tensor.shape)
        if key.startswith("aggregation.query_key."):
            for name in _query_and_key(key):
                shapes[name] = [shape[0] // 2, *shape[1:]]
        elif key in _PARTS:
            shapes[_WHOLE] = [shape[0], len(_PARTS) * shape[1], *shape[2:]]
        else:
            shapes[_released_name(key)] = shape
    return shapes


def _check(given: Mapping[str, Any], shapes: Mapping[str, list[int]]) -> None:
    faults: list[str] = []
    tensors = {name: value for name, value in given.items() if isinstance(value, torch.Tensor)}
    missing = [name for name in shapes if name not in tensors and not name.endswith("num_batches_tracked")]
    unknown = [name for name in given if name not in shapes]
    if missing or unknown:
        faults.append(f"missing {_listed(missing)}, unknown {_listed(unknown)}")
    for name, shape in shapes.items():
        if name not in tensors:
            continue
        tensor = tensors[name]
        alike = list(tensor.shape) == shape or (not shape and tensor.numel() == 1)
        if not alike:
            faults.append(f"'{name}' has shape {list(tensor.shape)}, expected {shape}")
        if not torch.isfinite(tensor).all():
            faults.append(f"'{name}' holds NaN or infinite values")
    if faults:
        raise ValueError(
            f"this is not a checkpoint of the published region-aware net: {'; '.join(faults)}; give exactly the "
            "network's tensors."
        )


def _listed(names: list[str]) -> str:
    rest = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"{names[:5]}{rest}" if names else "none"


def _released_name(key: str) -> str:
    beginning = next(beginning for beginning in _BEGINNINGS if key.startswith(beginning))
    return _BEGINNINGS[beginning] + key.removeprefix(beginning)


def _query_and_key(key: str) -> tuple[str, str]:
    ending = key.rsplit(".", 1)[1]
    return f"RPA.pam.query_conv.{ending}", f"RPA.pam.key_conv.{ending}"
