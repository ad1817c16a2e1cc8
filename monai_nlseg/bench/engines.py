"""The engines that are compared: ways to run the paper's network, and other networks run the same way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn as nn
from monai.inferers import SlidingWindowInferer
from monai.networks.nets import SegResNet, SwinUNETR, UNet

from monai_nlseg.bench.checks import check_settings
from monai_nlseg.bench.prepare import Predictor, Prepare, eager, explicit_attention, exported, missing_modules
from monai_nlseg.bounds import LARGEST_AXIS, require_number, require_shape
from monai_nlseg.inferers import StepWindowInferer
from monai_nlseg.networks.nets import CCFCN3D, NonLocalUNet

CLASSES = 4
MOST_WINDOWS = 1024
Inferer = Callable[[torch.Tensor, Predictor], Any]


@dataclass(frozen=True)
class BenchSettings:
    """The settings of a run of the benchmark.

    Attributes:
        shape: channels and voxels of the volume.
        roi_size: edge of a window in voxels.
        steps: steps in voxels.
        sw_batch_size: windows in one pass.
        seconds: time to spend on each measurement. A volume that would take longer is extrapolated from as many
            windows as fit.
        threads: CPU threads; None for PyTorch's default.
        device: device of the networks that run through PyTorch.
        images: files of one channel each, which replace the synthetic volume.

    Raises:
        ValueError: for numbers out of their bounds, or a device that PyTorch cannot use here.
    """

    shape: tuple[int, ...] = (2, 116, 148, 100)
    roi_size: int = 32
    steps: tuple[int, ...] = (4, 8, 16, 32)
    sw_batch_size: int = 4
    seconds: float = 60.0
    threads: int | None = None
    device: str = "cpu"
    images: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_settings(self.seconds, self.threads, self.device)
        require_shape("the shape of the volume", self.shape, 1e10)
        require_number("the windows in one pass", self.sw_batch_size, 1, MOST_WINDOWS)
        for step in self.steps:
            require_number("a step", step, 1, LARGEST_AXIS)


@dataclass(frozen=True)
class Engine:
    """A way to run a network over a volume.

    Attributes:
        title: name in the report.
        network: makes the network for a number of input channels.
        prepare: makes it ready to predict windows.
        inferer: makes the windowed inference for the settings and a step.
        extra: modules that must be installed.
        same_network: whether it runs the paper's network, so that its labels can be compared.
        largest_batch: largest number of windows in one pass, if more are slower; None for no limit.
    """

    title: str
    network: Callable[[int], nn.Module]
    prepare: Prepare
    inferer: Callable[[BenchSettings, int], Inferer]
    extra: tuple[str, ...] = ()
    same_network: bool = True
    largest_batch: int | None = None

    def missing(self) -> list[str]:
        """Return the modules that would have to be installed first."""
        return missing_modules(self.extra)


def _paper(channels: int) -> nn.Module:
    return NonLocalUNet.paper(in_channels=channels, out_channels=CLASSES)


def _ours(settings: BenchSettings, step: int) -> Inferer:
    # All windows, as MONAI's inferer computes them; for a real scan this one leaves out background and zeros.
    return StepWindowInferer(settings.roi_size, step, settings.sw_batch_size, foreground_only=False, reuse_empty=False)


def _monai(settings: BenchSettings, step: int) -> Inferer:
    # MONAI takes the overlap as a fraction and rounds the step down: a little more makes it exact.
    overlap = 1 - (step + 1e-6) / settings.roi_size if step < settings.roi_size else 0.0
    return SlidingWindowInferer(settings.roi_size, settings.sw_batch_size, overlap=overlap)


ENGINES: dict[str, Engine] = {
    "engine": Engine("Non-local U-Net", _paper, eager(), _ours),
    "torch-attention": Engine("- PyTorch's attention", _paper, eager("torch"), _ours),
    "bfloat16": Engine("- bfloat16", _paper, eager(precision="bfloat16"), _ours),
    "compile": Engine("- torch.compile", _paper, eager(compile=True), _ours),
    "torchscript": Engine("- TorchScript", _paper, exported("torchscript"), _ours),
    "pt2": Engine("- pt2", _paper, exported("pt2"), _ours),
    "onnx": Engine("- ONNX Runtime", _paper, exported("onnx"), _ours, ("onnx", "onnxscript", "onnxruntime")),
    "openvino": Engine("- OpenVINO", _paper, exported("openvino"), _ours, ("openvino",)),
    "openvino-bfloat16": Engine("- OpenVINO, bfloat16", _paper, exported("openvino", "bfloat16"), _ours, ("openvino",)),
    # The scores of four windows, 2 GB, are slower than four times those of one.
    "explicit-attention": Engine("- explicit attention, MONAI", _paper, explicit_attention, _monai, largest_batch=1),
    "ccfcn3d": Engine("CC-3D-FCN", lambda channels: CCFCN3D(3, channels, CLASSES), eager(), _ours, same_network=False),
    "unet": Engine(
        "MONAI UNet",
        lambda channels: UNet(3, channels, CLASSES, (32, 64, 128, 256), (2, 2, 2), num_res_units=2),
        eager(),
        _ours,
        same_network=False,
    ),
    "segresnet": Engine(
        "MONAI SegResNet", lambda channels: SegResNet(3, 32, channels, CLASSES), eager(), _ours, same_network=False
    ),
    # Its deepest level is a single voxel for windows of 32, which instance norm refuses.
    "swinunetr": Engine(
        "MONAI SwinUNETR",
        lambda channels: SwinUNETR(channels, CLASSES, feature_size=24, norm_name="batch"),
        eager(),
        _ours,
        ("einops",),
        same_network=False,
    ),
}
