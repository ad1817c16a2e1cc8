"""Ways to make a network ready to predict."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
import torch.nn as nn

from monai_nlseg.networks import autocast_forward, optimize_for_inference
from monai_nlseg.networks.export import export_network
from monai_nlseg.networks.exported import FORMATS, ExportedNetwork

__all__ = ["Predictor", "Prepare", "eager", "exported", "materialized", "materialized_source", "missing_modules"]

Predictor = Callable[[torch.Tensor], torch.Tensor]
# (network, shape (B, C, *spatial) of the batches to come, device, scratch folder) -> predictor
Prepare = Callable[[nn.Module, tuple[int, ...], str, Path], Predictor]


def eager(attention: str = "auto", precision: str = "float32", compile: bool = False) -> Prepare:
    """Through PyTorch, optimised as the package does it."""

    def prepare(network: nn.Module, shape: tuple[int, ...], device: str, scratch: Path) -> Predictor:
        network = optimize_for_inference(network.to(device), attention, compile)  # type: ignore[arg-type]
        if compile:  # for the sizes that will be timed: the first for one size, the second for any number of windows
            for count in sorted({1, shape[0]}):
                network(torch.zeros(count, *shape[1:], device=device))
        return autocast_forward(network, device, precision)

    return prepare


def exported(format: str, precision: str = "float32") -> Prepare:
    """Through an exported file and the runtime that reads it."""

    def prepare(network: nn.Module, shape: tuple[int, ...], device: str, scratch: Path) -> Predictor:
        path = scratch / f"network{FORMATS[format]}"
        export_network(network, shape[1:], path, format)
        return ExportedNetwork(path, device if format == "torchscript" else "cpu", precision)

    return prepare


def materialized(network: nn.Module, shape: tuple[int, ...], device: str, scratch: Path) -> Predictor:
    """Through PyTorch, all scores of the attention written out."""
    module = _load(materialized_source())
    return module.materialize(network.to(device).eval())


def materialized_source() -> Path:
    """Where the materialised attention is kept: in a clone's tests, or inside an installed wheel."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "_benchmarks" / "materialized.py"
    return installed if installed.is_file() else package.parent / "tests" / "benchmarks" / "materialized.py"


def missing_modules(names: Iterable[str]) -> list[str]:
    """Those of the modules that would have to be installed first."""
    return [name for name in names if importlib.util.find_spec(name) is None]


def _load(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location("materialized", path)
    assert spec is not None and spec.loader is not None  # it ends in .py
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
