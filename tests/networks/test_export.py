"""Non-local U-Nets and their baseline in every format, run back through the inferer; others in their own tests."""

from __future__ import annotations

import logging

import pytest
import torch
import torch.nn as nn
from monai.utils import OptionalImportError

from monai_nlseg.inferers import StepWindowInferer
from monai_nlseg.networks import export as module
from monai_nlseg.networks import optimize_for_inference
from monai_nlseg.networks.export import export_network
from monai_nlseg.networks.exported import FORMATS, ExportedNetwork
from monai_nlseg.networks.nets import CCFCN3D, NonLocalUNet
from tests.networks.formats import formats

NETWORKS = {
    "paper": (NonLocalUNet.paper, (2, 16, 16, 16)),
    "released with instance norm": (
        lambda: NonLocalUNet.released(in_channels=1, norm=("instance", {"affine": True})),
        (1, 16, 12, 8),
    ),
    "without attention": (NonLocalUNet.model1, (2, 16, 16, 16)),
    "2D": (lambda: NonLocalUNet(spatial_dims=2, in_channels=1, out_channels=2), (1, 32, 24)),
    "CC-3D-FCN": (CCFCN3D, (2, 16, 16, 16)),
}


EXPORTS = [
    *formats("torchscript", "pt2", "onnx", "openvino", name="2D"),
    *formats("torchscript", name="paper"),
    *formats("openvino", name="released with instance norm"),
    *formats("pt2", name="without attention"),
    *formats("onnx", name="CC-3D-FCN"),
]


@pytest.mark.parametrize(("name", "format"), EXPORTS)
def test_file_computes_what_the_network_does_for_any_batch(name, format, tmp_path):
    build, shape = NETWORKS[name]
    network = build().eval()
    path = tmp_path / f"network{FORMATS[format]}"
    difference = export_network(network, shape, path, format)
    assert difference < 1e-4
    assert sorted(file.name for file in tmp_path.iterdir()) == (
        ["network.bin", "network.xml"] if format == "openvino" else [path.name]
    )
    exported = ExportedNetwork(path)
    with torch.inference_mode():
        for count in (1, 4):
            windows = torch.randn(count, *shape)
            torch.testing.assert_close(exported(windows), network(windows), atol=1e-4, rtol=1e-4)


@pytest.fixture(scope="module")
def exported_2d(tmp_path_factory):
    network = NonLocalUNet.model5(spatial_dims=2, in_channels=1, out_channels=2, features=16).eval()
    files = {}
    for format, suffix in FORMATS.items():
        path = tmp_path_factory.mktemp("exported") / f"network{suffix}"
        export_network(network, (1, 32, 32), path, format)
        files[format] = ExportedNetwork(path)
    return network, files


@pytest.mark.parametrize("format", formats("torchscript", "onnx"))
def test_inferer_runs_it(format, tmp_path):
    network = NonLocalUNet.released(in_channels=1).eval()
    path = tmp_path / f"network{FORMATS[format]}"
    export_network(network, (1, 16, 16, 16), path, format)
    image = torch.rand(1, 1, 24, 20, 18) + 0.1
    inferer = StepWindowInferer(16, 8, sw_batch_size=3, standardize=True)
    with torch.inference_mode():
        torch.testing.assert_close(inferer(image, ExportedNetwork(path)), inferer(image, network), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("format", formats("pt2", "onnx"))
def test_an_optimized_network_can_be_exported_too(format, tmp_path):
    network = optimize_for_inference(NonLocalUNet.paper(), attention="compiled")
    path = tmp_path / f"network{FORMATS[format]}"
    assert export_network(network, (2, 8, 8, 8), path, format) < 1e-4
    if format == "pt2":
        assert "monai_nlseg" not in str(torch.export.load(path).graph)


def test_the_network_is_not_changed(tmp_path):
    network = NonLocalUNet.paper().train()
    keys = list(network.state_dict())
    export_network(network, (2, 8, 8, 8), tmp_path / "network.ts", "torchscript")
    assert network.training and list(network.state_dict()) == keys


def test_onnx_never_holds_the_scores(tmp_path):
    import onnx

    export_network(NonLocalUNet.paper(), (2, 8, 8, 8), tmp_path / "network.onnx", "onnx")
    operators = [node.op_type for node in onnx.load(tmp_path / "network.onnx").graph.node]
    assert operators.count("MultiHeadAttention") == 3
    assert "Softmax" not in operators


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("shape", [(1, 64, 32), (1, 32, 64), (1, 16, 16), (2, 32, 32)])
def test_windows_of_another_size_are_right_or_refused(format, shape, exported_2d):
    network, files = exported_2d
    windows = torch.randn(2, *shape)
    if format == "torchscript" and shape[0] == 1:
        with torch.inference_mode():
            torch.testing.assert_close(files[format](windows), network(windows), atol=1e-4, rtol=1e-4)
        return
    with pytest.raises((ValueError, torch.jit.Error), match=r"exported for windows of \[1, 32, 32\]|has 2 channels"):
        files[format](windows)


def test_a_window_without_a_size_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"window of shape \[1, 8, -1\] has no fixed size"):
        export_network(nn.Conv2d(1, 1, 1), (1, 8, -1), tmp_path / "network.ts", "torchscript")


def test_openvino_in_bfloat16(tmp_path):
    network = CCFCN3D().eval()
    export_network(network, (2, 16, 16, 16), tmp_path / "network.xml", "openvino")
    windows = torch.randn(2, 2, 16, 16, 16)
    reduced = ExportedNetwork(tmp_path / "network.xml", precision="bfloat16")(windows)
    with torch.inference_mode():
        torch.testing.assert_close(reduced, network(windows), atol=0.05, rtol=0.05)


def test_outputs_of_one_call_survive_the_next(tmp_path):
    export_network(CCFCN3D(), (2, 8, 8, 8), tmp_path / "network.xml", "openvino")
    exported = ExportedNetwork(tmp_path / "network.xml")
    first = exported(torch.zeros(1, 2, 8, 8, 8))
    kept = first.clone()
    exported(torch.randn(1, 2, 8, 8, 8))
    assert torch.equal(first, kept)


def test_check_within_the_range_of_the_input(tmp_path):
    """Noise outside of it may overflow: here the exponential of 100."""

    class Exponential(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.exp(x * 100)

    assert export_network(Exponential(), (1, 8, 8), tmp_path / "network.ts", "torchscript", (-1.0, 0.0)) < 1e-4
    with pytest.raises(RuntimeError, match="differs from the network by (inf|nan)"):
        export_network(Exponential(), (1, 8, 8), tmp_path / "network.ts", "torchscript")


def test_a_file_that_differs_is_not_left(tmp_path, monkeypatch):
    monkeypatch.setattr(
        module, "fold_batch_norm", lambda network: network.output.weight.data.mul_(2) is None or network
    )
    (tmp_path / "network.ts").write_text("finished work")
    with pytest.raises(RuntimeError, match="torchscript differs from the network by .* more than rounding"):
        export_network(NonLocalUNet.model1(), (2, 8, 8, 8), tmp_path / "network.ts", "torchscript")
    assert [file.name for file in tmp_path.iterdir()] == ["network.ts"]
    assert (tmp_path / "network.ts").read_text() == "finished work"


def test_torchscript_where_a_function_of_pytorch_was(tmp_path, monkeypatch):
    """What a network holds may lie where a function was that PyTorch still knows by its id()."""
    network = nn.Conv2d(1, 2, 3, padding=1)
    torch.jit._builtins._register_builtin(network._reversed_padding_repeated_twice, "aten::add")
    with pytest.raises(RuntimeError, match="builtin cannot be used as a value"):
        torch.jit.script(network)
    monkeypatch.setattr(module, "channels_last", lambda folded: network)
    assert export_network(network, (1, 8, 8), tmp_path / "network.ts", "torchscript") < 1e-4


def test_logging_is_as_before(tmp_path):
    export_network(NonLocalUNet.model1(), (2, 8, 8, 8), tmp_path / "network.pt2", "pt2")
    assert logging.root.manager.disable == logging.NOTSET


@pytest.mark.parametrize("format", ["onnx", "openvino"])
def test_missing_extra_names_what_to_install(format, tmp_path, monkeypatch):
    def missing(name, *arguments, **options):
        return original(f"{name}_that_is_not_there", *arguments, **options)

    original = module.optional_import
    monkeypatch.setattr(module, "optional_import", missing)
    with pytest.raises(OptionalImportError, match="(onnx|openvino)_that_is_not_there"):
        export_network(NonLocalUNet.model1(), (2, 8, 8, 8), tmp_path / f"network{FORMATS[format]}", format)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "format", "words"),
    [
        ("network.tflite", "tflite", "format 'tflite' is unknown: choose torchscript, pt2, onnx, openvino"),
        ("network.pt", "onnx", "does not end in .onnx"),
    ],
)
def test_refuses(path, format, words, tmp_path):
    with pytest.raises(ValueError, match=words):
        export_network(NonLocalUNet.model1(), (2, 8, 8, 8), tmp_path / path, format)


class TestExportedNetwork:
    def test_unknown_suffix(self, tmp_path):
        with pytest.raises(ValueError, match=r"give a file ending in .ts or .pt2 or .onnx or .xml"):
            ExportedNetwork(tmp_path / "network.pt")

    def test_missing_file(self, tmp_path):
        with pytest.raises(ValueError, match="does not exist: write it with nlseg export"):
            ExportedNetwork(tmp_path / "network.onnx")

    def test_half_of_openvinos_files(self, tmp_path):
        export_network(torch.nn.Conv2d(1, 2, 3), (1, 8, 8), tmp_path / "network.xml", "openvino")
        (tmp_path / "network.bin").unlink()
        with pytest.raises(
            ValueError, match=r"cannot be read \(.*bin file cannot be found.*: export the network again"
        ):
            ExportedNetwork(tmp_path / "network.xml")

    @pytest.mark.parametrize("suffix", FORMATS.values())
    def test_damaged_file(self, suffix, tmp_path):
        path = tmp_path / f"network{suffix}"
        path.write_bytes(b"not a network")
        with pytest.raises(ValueError, match="cannot be read .*: export the network again"):
            ExportedNetwork(path)

    def test_precision_that_the_format_does_not_have(self, tmp_path):
        (tmp_path / "network.ts").write_bytes(b"")
        with pytest.raises(ValueError, match="precision 'bfloat16' does not fit .ts"):
            ExportedNetwork(tmp_path / "network.ts", precision="bfloat16")
