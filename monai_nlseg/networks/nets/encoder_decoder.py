"""U-Net, U-Net++ and DeepLabV3+ over ImageNet encoders."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn as nn
from monai.networks.layers.utils import get_act_layer
from monai.utils import OptionalImportError, optional_import

from monai_nlseg.networks.checks import check_channels, check_input
from monai_nlseg.networks.imagenet import fetch_imagenet_weights, load_imagenet_weights, read_imagenet_weights
from monai_nlseg.networks.replace import replace_modules

ARCHITECTURES = {"unet": "Unet", "unetplusplus": "UnetPlusPlus", "deeplabv3plus": "DeepLabV3Plus"}

# Name -> segmentation_models_pytorch's ("tu-" are timm's) and the repository of its ImageNet weights.
ENCODERS = {
    "resnet34": ("resnet34", "smp-hub/resnet34.imagenet"),
    "resnet50": ("resnet50", "smp-hub/resnet50.imagenet"),
    "resnext50_32x4d": ("resnext50_32x4d", "smp-hub/resnext50_32x4d.imagenet"),
    "resnest26d": ("tu-resnest26d", "timm/resnest26d.gluon_in1k"),
    "regnetx_032": ("tu-regnetx_032", "timm/regnetx_032.tv2_in1k"),
    "regnety_032": ("tu-regnety_032", "timm/regnety_032.ra_in1k"),
    "efficientnet-b0": ("efficientnet-b0", "smp-hub/efficientnet-b0.imagenet"),
    "efficientnet-b1": ("efficientnet-b1", "smp-hub/efficientnet-b1.imagenet"),
    "efficientnet-b2": ("efficientnet-b2", "smp-hub/efficientnet-b2.imagenet"),
}

# What an EfficientNet has between its last block and its classifier; no decoder reads it.
UNUSED = ("_conv_head.", "_bn1.")


class EncoderDecoder(nn.Module):
    """U-Net, U-Net++ or DeepLabV3+ over an ImageNet encoder, for images in two dimensions.

    Encoders and decoders are segmentation_models_pytorch's (``pip install 'monai-nlseg[encoders]'``), with its names
    in the state dict. The U-Net up-samples by nearest interpolation to 256, 128, 64, 32 and 16 channels.

    Source: the ultrasound nerve segmentation of the VRDL report, whose nine networks this builds
    (docs/reference/networks.md); the defaults are its best, with 8,756,674 parameters. Its "RegNet32" may be
    ``regnetx_032`` or ``regnety_032``.

    Args:
        architecture: "unet", "unetplusplus" or "deeplabv3plus".
        encoder: "resnet34", "resnet50", "resnext50_32x4d", "resnest26d", "regnetx_032", "regnety_032",
            "efficientnet-b0", "efficientnet-b1" or "efficientnet-b2".
        in_channels: channels of the input.
        out_channels: channels of the logits.
        act: MONAI name or (name, arguments) of what takes the place of every ``nn.ReLU``, as in the report's code:
            "relu", "leakyrelu", "swish" (SiLU), "mish", ... In an EfficientNet, whose activation is SiLU, only the
            decoder changes.
        pretrained: whether the encoder starts from ImageNet weights, which are downloaded once to Hugging Face's
            cache. Other than three channels: see ``adapt_first_convolution``. Without a network the download gives
            up after half a minute, with the environment variable ``HF_HUB_OFFLINE=1`` at once.
        weights_path: file with these weights instead of the download: ``model.safetensors`` of smp-hub's repository
            of the encoder (timm's for ResNeSt and RegNet), or a PyTorch file with tensors of these names.

    Shapes: (B, in_channels, H, W) -> logits (B, out_channels, H, W); H and W must be divisible by 32, for
    DeepLabV3+ by 16. In training DeepLabV3+ and ResNeSt need two images a batch, as they normalise pooled features.
    The report's images are grey values in [0, 1]; ImageNet's are these less the mean (0.485, 0.456, 0.406) and divided
    by the deviation (0.229, 0.224, 0.225) of red, green and blue.

    An EfficientNet's last convolution serves its classifier only. It counts among the parameters (412,160 of b0 and
    b1, 498,432 of b2) and is frozen, so that ``DistributedDataParallel`` does not wait for its gradient. U-Net++ does
    not go through ``torch.jit.script``; it exports to pt2, ONNX and OpenVINO as the others do.

    Raises:
        ValueError: for an unknown architecture or encoder, a weights file that is missing or another network's, an
            input of other rank or channels, or a size that is not divisible (the message names the size to pad to).
        ConnectionError: if ``pretrained`` weights cannot be fetched.
        monai.utils.OptionalImportError: if segmentation_models_pytorch cannot be imported.

    Examples::

        >>> import torch
        >>> from monai_nlseg.networks.nets import EncoderDecoder
        >>> net = EncoderDecoder("unet", "efficientnet-b0", act="mish").eval()
        >>> net(torch.zeros(1, 1, 64, 96)).shape
        torch.Size([1, 2, 64, 96])
    """

    def __init__(
        self,
        architecture: str = "unet",
        encoder: str = "efficientnet-b1",
        in_channels: int = 1,
        out_channels: int = 2,
        act: str | tuple = "relu",
        pretrained: bool = False,
        weights_path: str | Path | None = None,
    ) -> None:
        super().__init__()
        for option, given, known in (("architecture", architecture, ARCHITECTURES), ("encoder", encoder, ENCODERS)):
            if given not in known:
                raise ValueError(f"{option} {given!r} is unknown: choose {', '.join(known)}.")
        check_channels(in_channels=in_channels, out_channels=out_channels)
        smp = _import_smp()
        network = getattr(smp, ARCHITECTURES[architecture])(
            ENCODERS[encoder][0], encoder_weights=None, in_channels=in_channels, classes=out_channels
        )
        if weights_path is not None:
            _read_weights(network.encoder, weights_path)
        elif pretrained:
            network.encoder.load_state_dict(_fetch_weights(smp, encoder, in_channels))
        if act != "relu":
            try:
                replace_modules(network, nn.ReLU, lambda relu: get_act_layer(act))
            except (TypeError, ValueError):
                examples = "'relu', 'leakyrelu', 'mish', 'swish', ..."
                raise ValueError(f"act {act!r} is unknown: choose one of MONAI's ({examples}).") from None
        self.in_channels = in_channels
        self.divisor = network.encoder.output_stride
        self.encoder: nn.Module = network.encoder
        self.decoder: nn.Module = network.decoder
        self.segmentation_head: nn.Module = network.segmentation_head
        if hasattr(self.encoder, "_dropout"):  # of an EfficientNet's classifier: it would pass for one that acts
            del self.encoder._dropout
        for name, parameter in self.encoder.named_parameters():
            parameter.requires_grad_(not name.startswith(UNUSED))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        check_input(x, 2, self.in_channels, self.divisor)
        return self.segmentation_head(self.decoder(self.encoder(x)))


def _import_smp() -> Any:
    smp, found = optional_import("segmentation_models_pytorch")
    if not found:
        raise OptionalImportError(
            "EncoderDecoder needs segmentation_models_pytorch, and a torchvision that fits torch: "
            "pip install 'monai-nlseg[encoders]'."
        )
    return smp


def _fetch_weights(smp: Any, encoder: str, in_channels: int) -> dict[str, torch.Tensor]:
    name, repository = ENCODERS[encoder]
    http_error, _ = optional_import("huggingface_hub.errors", name="HTTPError")

    def fetch() -> Mapping[str, torch.Tensor]:
        try:
            weights = True if name.startswith("tu-") else "imagenet"
            return smp.encoders.get_encoder(name, in_channels=in_channels, weights=weights).state_dict()
        except FileNotFoundError:
            raise ConnectionError("no network, and nothing in Hugging Face's cache") from None
        except http_error as error:
            raise ConnectionError(str(error).partition("\n")[0]) from None

    return fetch_imagenet_weights(encoder, fetch, f"model.safetensors of huggingface.co/{repository}")


def _read_weights(encoder: nn.Module, path: str | Path) -> None:
    # timm's encoders lie within segmentation_models_pytorch's, under this name.
    backbone = getattr(encoder, "model", encoder)
    first = next(name for name, module in backbone.named_modules() if isinstance(module, nn.Conv2d))
    load_imagenet_weights(backbone, read_imagenet_weights(path), f"{first}.weight", ignore=("fc.", "_fc.", "head."))
