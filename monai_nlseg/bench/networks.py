"""The networks that `nlseg bench --networks` compares: the 2D systems at the papers' sizes, one image at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch.nn as nn
from monai.networks.nets import AttentionUnet, BasicUNetPlusPlus, UNet

from monai_nlseg.bench.checks import check_settings
from monai_nlseg.bench.prepare import Prepare, eager, explicit_attention, exported, missing_modules
from monai_nlseg.networks.blocks import DeformedNonLocalBlock, NonLocalBlock
from monai_nlseg.networks.nets import DNLNet, EncoderDecoder, LAEDNet, RegionAwareNet

CLASSIC = (64, 128, 256, 512, 1024)
BLOCK_CHANNELS = 64
BLOCK_SIZES = (96, 192, 512)
RUNTIMES = {"openvino": ("openvino",), "onnx": ("onnx", "onnxscript", "onnxruntime")}


@dataclass(frozen=True)
class NetworkSettings:
    """The settings of a measurement of networks.

    Attributes:
        seconds: time to spend on each; one whose single pass would take longer is left out.
        threads: CPU threads; None for PyTorch's default.
        device: device of the networks that run through PyTorch.

    Raises:
        ValueError: for numbers out of their bounds, or a device that PyTorch cannot use here.
    """

    seconds: float = 30.0
    threads: int | None = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        check_settings(self.seconds, self.threads, self.device)


@dataclass(frozen=True)
class NetworkCase:
    """A network with the size of its input and the way it runs.

    Attributes:
        title: name in the report.
        network: makes the network.
        shape: (C, H, W) of its input.
        prepare: makes it ready to predict.
        beside: key of the case with whose time its own is compared.
        extra: modules that must be installed.
    """

    title: str
    network: Callable[[], nn.Module]
    shape: tuple[int, int, int]
    prepare: Prepare = eager()
    beside: str | None = None
    extra: tuple[str, ...] = ()

    @property
    def size(self) -> str:
        """Channels and pixels of the input, such as 3x320x320."""
        return "x".join(map(str, self.shape))

    def missing(self) -> list[str]:
        """Return the modules that would have to be installed first."""
        return missing_modules(self.extra)


def _laednet() -> dict[str, NetworkCase]:
    shape = (3, 320, 320)
    # The features of the 36 M U-Net++ that LAEDNet's paper compares with.
    cases = {
        "unetplusplus": NetworkCase(
            "MONAI BasicUNetPlusPlus", partial(BasicUNetPlusPlus, 2, 3, 1, features=(*CLASSIC, 64)), shape
        ),
        "unet": NetworkCase("MONAI UNet", partial(UNet, 2, 3, 1, CLASSIC, (2, 2, 2, 2)), shape, beside="unetplusplus"),
        "attentionunet": NetworkCase(
            "MONAI AttentionUnet", partial(AttentionUnet, 2, 3, 1, CLASSIC, (2, 2, 2, 2)), shape, beside="unetplusplus"
        ),
    }
    for size in ("S", "M", "L"):
        make = partial(LAEDNet, size=size)
        cases[f"laednet-{size.lower()}"] = NetworkCase(f"LAEDNet-{size}", make, shape, beside="unetplusplus")
        for runtime, title in (("openvino", "OpenVINO"), ("onnx", "ONNX Runtime")):
            cases[f"laednet-{size.lower()}-{runtime}"] = NetworkCase(
                f"LAEDNet-{size}, {title}", make, shape, exported(runtime), "unetplusplus", RUNTIMES[runtime]
            )
    return cases


def _nerve() -> dict[str, NetworkCase]:
    shape = (3, 512, 512)
    plain: dict[str, Any] = {"region_aggregation": False, "pyramid_fusion": False}
    return {
        "region-aware-baseline": NetworkCase("ResNet-34 U-Net of RAGCM", partial(RegionAwareNet, **plain), shape),
        "region-aware": NetworkCase("RegionAwareNet", RegionAwareNet, shape, beside="region-aware-baseline"),
        "region-aware-openvino": NetworkCase(
            "RegionAwareNet, OpenVINO",
            RegionAwareNet,
            shape,
            exported("openvino"),
            "region-aware-baseline",
            RUNTIMES["openvino"],
        ),
        "efficientunet-b1": NetworkCase(
            "U-Net, EfficientNet-b1 (VRDL)", EncoderDecoder, (1, 448, 576), extra=("segmentation_models_pytorch",)
        ),
    }


def _vessels() -> dict[str, NetworkCase]:
    cases = {
        f"dnlnet-{size}": NetworkCase("DNLNet", DNLNet, (1, size, size)) for size in (BLOCK_SIZES[0], BLOCK_SIZES[-1])
    }
    for size in BLOCK_SIZES:
        shape, beside = (BLOCK_CHANNELS, size, size), f"nl-explicit-{size}"
        cases[beside] = NetworkCase(
            "non-local block, explicit attention", _block("embedded_gaussian"), shape, explicit_attention
        )
        cases[f"nl-{size}"] = NetworkCase("non-local block", _block("embedded_gaussian"), shape, beside=beside)
        for mode, title in (("dot_product", "dot product"), ("concatenation", "concatenation")):
            name = f"nl-{mode.replace('_', '-')}-{size}"
            cases[name] = NetworkCase(f"non-local block, {title}", _block(mode), shape, beside=beside)
        cases[f"dnl-{size}"] = NetworkCase(
            "deformed non-local block", partial(DeformedNonLocalBlock, 2, BLOCK_CHANNELS), shape, beside=f"nl-{size}"
        )
    return cases


def _block(mode: str) -> Callable[[], nn.Module]:
    return partial(NonLocalBlock, 2, BLOCK_CHANNELS, mode=mode)  # type: ignore[arg-type]


NETWORKS: dict[str, NetworkCase] = {**_laednet(), **_nerve(), **_vessels()}
