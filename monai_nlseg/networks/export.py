"""Write a network in a form that runs without its Python code."""

from __future__ import annotations

import copy
import logging
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.nn as nn
from monai.utils import optional_import

from monai_nlseg.networks.blocks import ScaledDotProductAttention
from monai_nlseg.networks.exported import FORMATS, ExportedNetwork
from monai_nlseg.networks.folding import fold_batch_norm
from monai_nlseg.networks.optimize import CompiledAttention, channels_last
from monai_nlseg.networks.replace import replace_modules

# The standard's own Attention, without which scores of queries x keys would be written out.
ONNX_OPSET = 23


def export_network(
    network: nn.Module,
    shape: Sequence[int],
    path: str | Path,
    format: str,
    value_range: tuple[float, float] | None = None,
) -> float:
    """Export a network for windows of one size in batches of any size, and check the file against the network.

    Only the batch is dynamic. Spatial sizes are fixed: networks here take only multiples of their divisor, which no
    format but PyTorch's own can state, and padding, up-sampling and attention are written for the size at which they
    were traced. A TorchScript file takes other sizes too; it is checked for this one.

    Batch norms are folded. Files are complete or missing: they are written beside and renamed. OpenVINO's come in
    two, .xml and .bin. ONNX files name ONNX Runtime's own attention operator, whose scores are never written out.

    Args:
        network: the trained network; it is not changed.
        shape: (C, *spatial) of a window, the one size that the file is for.
        path: file to write, ending in the format's suffix (.ts, .pt2, .onnx, .xml).
        format: "torchscript", "pt2" (torch.export), "onnx" or "openvino".
        value_range: lowest and highest value of the network's input, for the check: far from what a network was
            trained on, rounding grows. None stands for an input of zero mean and unit variance.

    Returns:
        The largest absolute difference of logits between file and network, over batches of 1, 2 and 3 windows of
        noise: uniform in ``value_range``, or normal.

    Raises:
        ValueError: for an unknown format, a path with another suffix, or a window without a fixed size.
        RuntimeError: if file and network differ by more than rounding; nothing is left behind.
        monai.utils.OptionalImportError: if what the format needs is not installed.
    """
    path = Path(path)
    if format not in FORMATS:
        raise ValueError(f"format {format!r} is unknown: choose {', '.join(FORMATS)}.")
    if path.suffix != FORMATS[format]:
        raise ValueError(f"'{path}' does not end in {FORMATS[format]}, the suffix of {format}: rename it.")
    if not all(isinstance(size, int) and size > 0 for size in shape):
        raise ValueError(f"a window of shape {list(shape)} has no fixed size, which an export needs: give all sizes.")
    plain = copy.deepcopy(network).cpu().eval()
    replace_modules(plain, CompiledAttention, lambda attention: ScaledDotProductAttention())
    writers: dict[str, Callable[[nn.Module, torch.Tensor, Path], None]] = {
        "torchscript": _write_torchscript,
        "pt2": _write_pt2,
        "onnx": _write_onnx,
        "openvino": _write_openvino,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".export-") as folder, torch.no_grad():
        written = Path(folder) / path.name
        folded = channels_last(fold_batch_norm(copy.deepcopy(plain)))
        with _quiet():
            writers[format](folded, torch.zeros(2, *shape), written)
        difference = _check(ExportedNetwork(written), plain, shape, format, value_range)
        # The .xml comes last, because programs look for it.
        for file in sorted(Path(folder).iterdir()):
            os.replace(file, path.parent / file.name)
    return difference


def _write_torchscript(network: nn.Module, example: torch.Tensor, path: Path) -> None:
    # PyTorch knows its own functions by their id(), and still does after one is gone (those that torch.ao replaces when
    # another exporter loads it, for example): what the network holds at such an address would be taken for a function.
    functions = torch.jit._builtins._get_builtin_table()
    for module in network.modules():
        for value in vars(module).values():
            if not callable(value):
                functions.pop(id(value), None)
    torch.jit.save(torch.jit.script(network), path)


def _write_pt2(network: nn.Module, example: torch.Tensor, path: Path) -> None:
    torch.export.save(_exported(network, example), path)


def _write_onnx(network: nn.Module, example: torch.Tensor, path: Path) -> None:
    for name in ("onnx", "onnxscript", "onnxruntime"):
        optional_import(name)[0].__version__  # noqa: B018, raises the error that names what to install
    replace_modules(network, ScaledDotProductAttention, lambda attention: _OnnxAttention())
    program = torch.onnx.export(_exported(network, example), dynamo=True, opset_version=ONNX_OPSET, verbose=False)
    assert program is not None  # a program, since no file was named
    program.save(path)


def _write_openvino(network: nn.Module, example: torch.Tensor, path: Path) -> None:
    openvino, _ = optional_import("openvino")
    model = openvino.convert_model(_exported(network, example))
    # The conversion leaves all axes open, although its result is for one size and would be wrong for others.
    model.reshape([-1, *example.shape[1:]])
    openvino.save_model(model, path, compress_to_fp16=False)


def _exported(network: nn.Module, example: torch.Tensor) -> torch.export.ExportedProgram:
    return torch.export.export(network, (example,), dynamic_shapes=({0: torch.export.Dim("batch")},))


class _OnnxAttention(nn.Module):
    """ONNX Runtime's operator: the standard's Attention holds all scores there, 0.5 GB for a window of 32^3."""

    def forward(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        heads = query.shape[1]
        aggregated = torch.onnx.ops.symbolic(
            "com.microsoft::MultiHeadAttention",
            tuple(operand.transpose(1, 2).flatten(2) for operand in (query, key, value)),
            attrs={"num_heads": heads},
            dtype=query.dtype,
            shape=(query.shape[0], query.shape[2], heads * value.shape[3]),
            version=1,
        )
        return aggregated.unflatten(2, [heads, -1]).transpose(1, 2)


def _check(
    exported: ExportedNetwork,
    network: nn.Module,
    shape: Sequence[int],
    format: str,
    value_range: tuple[float, float] | None,
) -> float:
    generator = torch.Generator().manual_seed(0)
    largest = 0.0
    for count in (1, 2, 3):
        windows = torch.empty(count, *shape)
        if value_range is None:
            windows.normal_(generator=generator)
        else:
            windows.uniform_(*value_range, generator=generator)
        expected, actual = network(windows), exported(windows)
        if actual.shape != expected.shape:
            raise RuntimeError(
                f"{format} returns {list(actual.shape)} where the network returns {list(expected.shape)}: use another "
                "format."
            )
        difference = float((actual - expected).abs().max())
        if not difference <= 1e-4 * max(float(expected.abs().max()), 1.0):
            raise RuntimeError(
                f"{format} differs from the network by {difference:.2g} for {count} windows, more than rounding: use "
                "another format."
            )
        largest = max(largest, difference)
    return largest


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporters, which warn and log about their own internals."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
