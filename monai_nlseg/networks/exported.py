"""Run an exported network as if it were a module."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.utils import optional_import

from monai_nlseg.errors import message

# Format -> suffix of its file.
FORMATS = {"torchscript": ".ts", "pt2": ".pt2", "onnx": ".onnx", "openvino": ".xml"}

Predictor = Callable[[torch.Tensor], torch.Tensor]


class ExportedNetwork:
    """An exported network as a callable that maps windows to logits, for :class:`StepWindowInferer` and others.

    ONNX files run through ONNX Runtime, OpenVINO's through OpenVINO, both on the CPU with as many threads as PyTorch
    has; the other two through PyTorch.

    Args:
        path: file that :func:`export_network` wrote; its suffix states the format: .ts, .pt2, .onnx or .xml.
        device: device for .ts; the others run where they were exported, on the CPU.
        precision: "float32"; for .xml also "bfloat16", which is fast on processors that have it.

    Shapes: (B, C, *spatial) -> what the network returned for it, on the input's device, float32. B may be any number;
        channels and spatial size are those of the export, except for .ts, which takes what the network takes.

    Raises:
        ValueError: for a missing or unreadable file, an unknown suffix, a precision that the format does not have, or
            when called with windows of another size.
        monai.utils.OptionalImportError: if ONNX Runtime or OpenVINO is not installed.
    """

    def __init__(self, path: str | Path, device: torch.device | str = "cpu", precision: str = "float32") -> None:
        path = Path(path)
        loaders: dict[str, Callable[[], Predictor]] = {
            ".ts": lambda: _torchscript(path, torch.device(device)),
            ".pt2": lambda: _pt2(path),
            ".onnx": lambda: _onnx(path),
            ".xml": lambda: _openvino(path, precision),
        }
        if path.suffix not in loaders:
            raise ValueError(f"'{path}' is not an exported network: give a file ending in {' or '.join(loaders)}.")
        if not path.is_file():
            raise ValueError(f"'{path}' does not exist: write it with nlseg export.")
        if precision not in (("float32", "bfloat16") if path.suffix == ".xml" else ("float32",)):
            raise ValueError(f"precision {precision!r} does not fit {path.suffix}: choose 'float32'.")
        self.path = path
        try:
            self.predict = loaders[path.suffix]()
        except RuntimeError as error:
            raise ValueError(f"'{path}' cannot be read ({message(error)}): export the network again.") from None

    def __call__(self, windows: torch.Tensor) -> torch.Tensor:
        return self.predict(windows)


def _torchscript(path: Path, device: torch.device) -> Predictor:
    module = torch.jit.load(path, map_location=device).eval()
    return lambda windows: module(windows.to(device)).to(windows.device)


def _pt2(path: Path) -> Predictor:
    if not zipfile.is_zipfile(path):  # torch.export would log a page about it first
        raise RuntimeError("it is not an archive, or a damaged one")
    program = torch.export.load(path)
    (name,) = program.graph_signature.user_inputs
    node = next(node for node in program.graph.nodes if node.name == name)
    module = program.module()
    return _of_size(path, node.meta["val"].shape[1:], lambda windows: module(windows.cpu()).to(windows.device))


def _onnx(path: Path) -> Predictor:
    runtime, _ = optional_import("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        session = runtime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime has a class of its own for each status, all of them plain Exceptions
        raise RuntimeError(str(error)) from None
    entry = session.get_inputs()[0]
    return _of_size(path, entry.shape[1:], _through_numpy(lambda windows: session.run(None, {entry.name: windows})[0]))


def _openvino(path: Path, precision: str) -> Predictor:
    openvino, _ = optional_import("openvino")
    settings = {
        # OpenVINO would choose bfloat16 by itself if the processor has it.
        "INFERENCE_PRECISION_HINT": {"float32": "f32", "bfloat16": "bf16"}[precision],
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        "PERFORMANCE_HINT": "LATENCY",
    }
    try:
        request = openvino.Core().compile_model(path, "CPU", settings).create_infer_request()
    except RuntimeError as error:  # the places in OpenVINO's source come first, the reason last
        raise RuntimeError(str(error).strip().rpartition("\n")[2]) from None
    axes = list(request.model_inputs[0].partial_shape)[1:]
    sizes = [axis.get_length() if axis.is_static else None for axis in axes]  # files of earlier versions leave it open
    # The output is the request's own memory, which the next call overwrites.
    run = _through_numpy(lambda windows: np.array(request.infer({0: windows}, share_inputs=True)[0]))
    return _of_size(path, sizes, run)


def _of_size(path: Path, sizes: Sequence[int | None], run: Predictor) -> Predictor:
    """Take windows (B, *sizes) only: others make OpenVINO compute wrong values, and other runtimes fail unclearly."""

    def predict(windows: torch.Tensor) -> torch.Tensor:
        if None not in sizes and list(windows.shape[1:]) != list(sizes):
            raise ValueError(
                f"'{path}' was exported for windows of {list(sizes)} and was given {list(windows.shape[1:])}: give "
                "windows of that size, or export the network for this one."
            )
        return run(windows)

    return predict


def _through_numpy(run: Callable[[Any], Any]) -> Predictor:
    def predict(windows: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(run(windows.float().cpu().contiguous().numpy())).to(windows.device)

    return predict
