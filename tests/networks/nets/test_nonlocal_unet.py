from __future__ import annotations

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from monai_nlseg.networks import kernel_decay_groups
from monai_nlseg.networks.nets import NonLocalUNet


def count(module: torch.nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


class TestGoldenCounts:
    @pytest.mark.parametrize(
        ("variant", "parameters"),
        [
            ("paper", 1_821_124),
            ("released", 1_760_452),
            ("model1", 1_883_332),
            ("model2", 1_894_596),
            ("model3", 2_136_772),
            ("model4", 2_197_444),
            ("model5", 1_518_276),
        ],
    )
    def test_variants(self, variant, parameters):
        assert count(getattr(NonLocalUNet, variant)()) == parameters

    def test_default_is_the_papers_network(self):
        default, paper = NonLocalUNet(), NonLocalUNet.paper()
        assert [tuple(p.shape) for p in default.parameters()] == [tuple(p.shape) for p in paper.parameters()]
        assert paper.bottom.aggregation.attention.dropout == 0.5 and default.bottom.aggregation.attention.dropout == 0.0

    def test_parts(self):
        net = NonLocalUNet()
        assert count(net.initial) == 1_728
        assert [count(block) for block in net.encoder] == [56_448, 168_128, 672_128]
        assert count(net.bottom.norm_act) == 256
        assert count(net.bottom.aggregation) == 66_048
        assert [count(block) for block in net.upsample] == [463_360, 115_968]
        assert [count(block) for block in net.decoder] == [221_440, 55_424]
        assert count(net.norm_act) + count(net.output) == 196
        assert count(NonLocalUNet.released().upsample[1]) == 55_296

    def test_with_running_statistics(self):
        for variant, total in (("paper", 1_822_916), ("released", 1_762_116)):
            state = getattr(NonLocalUNet, variant)().state_dict()
            tensors = [tensor for key, tensor in state.items() if not key.endswith("num_batches_tracked")]
            assert sum(tensor.numel() for tensor in tensors) == total
            assert len(tensors) == {"paper": 98, "released": 86}[variant]

    def test_decayed_kernels(self):
        kernels, rest = kernel_decay_groups(NonLocalUNet(), 2e-6)
        assert len(kernels["params"]) == 29 and kernels["weight_decay"] == 2e-6
        assert len(kernels["params"]) + len(rest["params"]) == 70 and rest["weight_decay"] == 0.0

    def test_published_normalisation(self):
        norms = [module for module in NonLocalUNet().modules() if isinstance(module, torch.nn.BatchNorm3d)]
        assert len(norms) == 14
        assert all(norm.momentum == 0.003 and norm.eps == 1e-5 for norm in norms)


def test_intermediate_shapes():
    net = NonLocalUNet().eval()
    shapes = {}
    for name in ("initial", "encoder.0", "encoder.1", "encoder.2", "bottom", "decoder.0", "decoder.1", "output"):
        net.get_submodule(name).register_forward_hook(
            lambda module, inputs, out, name=name: shapes.update({name: tuple(out.shape[1:])})
        )
    with torch.no_grad():
        net(torch.randn(1, 2, 32, 32, 32))
    assert shapes == {
        "initial": (32, 32, 32, 32),
        "encoder.0": (32, 32, 32, 32),
        "encoder.1": (64, 16, 16, 16),
        "encoder.2": (128, 8, 8, 8),
        "bottom": (128, 8, 8, 8),
        "decoder.0": (64, 16, 16, 16),
        "decoder.1": (32, 32, 32, 32),
        "output": (4, 32, 32, 32),
    }


class _LargestTensor(TorchDispatchMode):
    largest = 0
    operations: set[str] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        self.operations = self.operations | {func.__name__}
        for tensor in out if isinstance(out, tuple) else (out,):
            if isinstance(tensor, torch.Tensor):
                self.largest = max(self.largest, tensor.numel())
        return out


def test_no_tensor_of_queries_by_keys_at_inference():
    net = NonLocalUNet(features=8).eval()
    with torch.no_grad(), _LargestTensor() as record:
        net(torch.randn(1, 2, 16, 16, 16))
    # The last attention has 4096 queries and 512 keys; the largest feature map 8 x 16^3 values, padded 8 x 17^3.
    assert record.largest <= 8 * 17**3 < 4096 * 512
    assert any("flash_attention" in name for name in record.operations)


def test_export_with_dynamic_batch():
    net = NonLocalUNet(features=4).eval()
    x = torch.randn(2, 2, 8, 8, 8)
    program = torch.export.export(net, (x,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    more = torch.randn(5, 2, 8, 8, 8)
    torch.testing.assert_close(program.module()(more), net(more))


def test_compile_without_graph_break():
    net = NonLocalUNet(features=4).eval()
    x = torch.randn(1, 2, 8, 8, 8)
    torch.testing.assert_close(torch.compile(net, backend="aot_eager", fullgraph=True)(x), net(x))


def test_output_dropout_acts_in_training_only():
    net = NonLocalUNet(features=4, norm=("instance", {"affine": True}))
    x = torch.randn(1, 2, 8, 8, 8)
    assert not torch.equal(net.train()(x), net(x))
    assert torch.equal(net.eval()(x), net(x))


def test_output_dropout_is_element_wise():
    # As tf.layers.dropout without noise_shape; Dropout3d would drop whole channels.
    net = NonLocalUNet(features=4)
    torch.manual_seed(0)
    kept = net.dropout(torch.ones(2, 4, 8, 8, 8)).flatten(2).count_nonzero(2) / 512
    assert ((kept > 0.4) & (kept < 0.6)).all()
