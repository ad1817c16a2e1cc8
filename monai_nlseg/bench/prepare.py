"""Ways to make a network ready to predict."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable
from pathlib import Path

import torch
import torch.nn as nn

from monai_nlseg.bench.explicit_attention import use_explicit_attention
from monai_nlseg.networks import autocast_forward, optimize_for_inference
from monai_nlseg.networks.export import export_network
from monai_nlseg.networks.exported import FORMATS, ExportedNetwork

Predictor = Callable[[torch.Tensor], torch.Tensor]
# (network, shape (B, C, *spatial) of the batches to come, device, scratch folder) -> predictor
Prepare = Callable[[nn.Module, tuple[int, ...], str, Path], Predictor]


def eager(attention: str = "auto", precision: str = "float32", compile: bool = False) -> Prepare:
    """Run the network through PyTorch, optimised by :func:`monai_nlseg.networks.optimize_for_inference`.

    Args:
        attention: kernel of the attention.
        precision: "float32" or "bfloat16".
        compile: whether ``torch.compile`` is used.
    """

    def prepare(network: nn.Module, shape: tuple[int, ...], device: str, scratch: Path) -> Predictor:
        network = optimize_for_inference(network.to(device), attention, compile)  # type: ignore[arg-type]
        if compile:  # for the sizes that will be timed: the first for one size, the second for any number of windows
            for count in sorted({1, shape[0]}):
                network(torch.zeros(count, *shape[1:], device=device))
        return autocast_forward(network, device, precision)

    return prepare


def exported(format: str, precision: str = "float32") -> Prepare:
    """Run the network from an exported file through its runtime.

    Args:
        format: a key of :data:`monai_nlseg.networks.exported.FORMATS`.
        precision: "float32" or "bfloat16".
    """

    def prepare(network: nn.Module, shape: tuple[int, ...], device: str, scratch: Path) -> Predictor:
        path = scratch / f"network{FORMATS[format]}"
        export_network(network, shape[1:], path, format)
        return ExportedNetwork(path, device if format == "torchscript" else "cpu", precision)

    return prepare


def explicit_attention(network: nn.Module, shape: tuple[int, ...], device: str, scratch: Path) -> Predictor:
    """Run the network through PyTorch with explicit attention.

    Args:
        network: network to prepare; it is changed.
        shape: (B, C, *spatial) of the batches to come; not used.
        device: device it runs on.
        scratch: folder for files; not used.

    Returns:
        The predictor.
    """
    return use_explicit_attention(network.to(device).eval())


def missing_modules(names: Iterable[str]) -> list[str]:
    """Return the modules that would have to be installed first.

    Args:
        names: modules that are needed.
    """
    return [name for name in names if importlib.util.find_spec(name) is None]
