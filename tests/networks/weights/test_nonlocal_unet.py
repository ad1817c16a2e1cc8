from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from monai_nlseg.bundle.convert import convert_nonlocal_unet
from monai_nlseg.networks import kernel_decay_groups
from monai_nlseg.networks.nets import NonLocalUNet
from monai_nlseg.networks.weights import nonlocal_unet_state_from_tf, read_tf_variables

PARITY = Path(__file__).resolve().parents[4] / "shared" / "data" / "parity" / "nonlocal_unet_first_up_attention.npz"
needs_parity = pytest.mark.skipif(not PARITY.is_file(), reason=f"the published code's outputs are not at {PARITY}")

# Written down from the published graph, apart from the walk that the converter makes: where some of the paper model's
# variables belong. TensorFlow name -> key and shape with two channels in, F features and four classes out.
F = 4
PAPER_EXCERPT = {
    "conv3d/kernel": ("initial.conv.weight", (3, 3, 3, 2, F)),
    "conv3d_1/kernel": ("encoder.0.projection.weight", (1, 1, 1, F, F)),
    "conv3d_6/kernel": ("encoder.1.conv2.conv.weight", (3, 3, 3, 2 * F, 2 * F)),
    "batch_normalization_6/gamma": ("bottom.norm_act.norm.weight", (4 * F,)),
    "multihead_attention_3d/conv3d_3/bias": ("bottom.aggregation.project.bias", (4 * F,)),
    "conv3d_transpose/kernel": ("upsample.0.projection.conv.weight", (3, 3, 3, 2 * F, 4 * F)),
    "multihead_attention_3d_1/conv3d_transpose/bias": ("upsample.0.aggregation.query.conv.bias", (2 * F,)),
    "batch_normalization_9/moving_mean": ("decoder.0.norm_act2.norm.running_mean", (2 * F,)),
    "batch_normalization_10/moving_variance": ("upsample.1.norm_act.norm.running_var", (2 * F,)),
    "conv3d_transpose_1/kernel": ("upsample.1.projection.conv.weight", (3, 3, 3, F, 2 * F)),
    "multihead_attention_3d_2/conv3d_transpose/kernel": (
        "upsample.1.aggregation.query.conv.weight",
        (3, 3, 3, F, 2 * F),
    ),
    "multihead_attention_3d_2/conv3d_1/kernel": ("upsample.1.aggregation.value.weight", (1, 1, 1, 2 * F, F)),
    "batch_normalization_13/beta": ("norm_act.norm.bias", (F,)),
    "conv3d_14/kernel": ("output.weight", (1, 1, 1, F, 4)),
    "conv3d_14/bias": ("output.bias", (4,)),
}


def tf_variables(upsample_attention=(True, True), features=F, seed=0) -> dict[str, np.ndarray]:
    """A network of random values under the published names."""
    rng = np.random.default_rng(seed)
    shapes: dict[str, tuple[int, ...]] = {}
    counts = {"conv3d": 0, "batch_normalization": 0, "conv3d_transpose": 0, "multihead_attention_3d": 0}

    def name(kind):
        counts[kind] += 1
        return kind if counts[kind] == 1 else f"{kind}_{counts[kind] - 1}"

    def norm(channels):
        layer = name("batch_normalization")
        for part in ("gamma", "beta", "moving_mean", "moving_variance"):
            shapes[f"{layer}/{part}"] = (channels,)

    def conv(size, before, after):
        shapes[f"{name('conv3d')}/kernel"] = (size, size, size, before, after)

    def attention(before, after, up):
        block = name("multihead_attention_3d")
        parts = ["conv3d_transpose", "conv3d", "conv3d_1", "conv3d_2"] if up else ["conv3d"]
        if not up:
            parts = ["conv3d", "conv3d_1", "conv3d_2", "conv3d_3"]
        for index, part in enumerate(parts):
            inner = after if index == 3 else before
            shapes[f"{block}/{part}/kernel"] = (
                (3, 3, 3, after, before) if part == "conv3d_transpose" else (1, 1, 1, inner, after)
            )
            shapes[f"{block}/{part}/bias"] = (after,)

    widths = [features, 2 * features, 4 * features]
    conv(3, 2, features)
    for before, after in zip([features, *widths], widths):
        norm(before)
        conv(1, before, after)
        conv(3, before, after)
        norm(after)
        conv(3, after, after)
    norm(widths[2])
    attention(widths[2], widths[2], up=False)
    for before, after, attends in zip(widths[:0:-1], widths[1::-1], upsample_attention):
        if attends:
            norm(before)
        shapes[f"{name('conv3d_transpose')}/kernel"] = (3, 3, 3, after, before)
        if attends:
            attention(before, after, up=True)
        for _ in range(2):
            norm(after)
            conv(3, after, after)
    norm(features)
    shapes["conv3d_14/kernel"], shapes["conv3d_14/bias"] = (1, 1, 1, features, 4), (4,)
    return {key: rng.normal(size=shape).astype(np.float32) for key, shape in shapes.items()}


@pytest.mark.parametrize(
    ("variant", "attends"), [("paper", (True, True)), ("released", (True, False)), ("model5", (False, False))]
)
@pytest.mark.parametrize("style", ["{}", "var/{}:0", "{}:0"])
def test_variants_load_strictly(variant, attends, style):
    variables = {style.format(name): array for name, array in tf_variables(attends).items()}
    state = nonlocal_unet_state_from_tf(variables)
    net = getattr(NonLocalUNet, variant)(features=F).eval()
    net.load_state_dict(state, strict=True)
    # Random statistics may be negative; the logits need not be finite, but every value must have arrived.
    arrived = sorted(value for tensor in state.values() if tensor.dim() for value in tensor.flatten().tolist())
    given = sorted(float(value) for array in variables.values() for value in array.ravel())
    assert arrived == given


@pytest.mark.parametrize("name", PAPER_EXCERPT)
def test_each_variable_arrives_where_it_belongs(name):
    key, shape = PAPER_EXCERPT[name]
    variables = tf_variables()
    assert variables[name].shape == shape
    tensor = nonlocal_unet_state_from_tf(variables)[key].numpy()
    expected = variables[name].transpose(4, 3, 0, 1, 2) if len(shape) == 5 else variables[name]
    np.testing.assert_array_equal(tensor, expected)


def test_optimiser_variables_are_passed_over():
    variables = tf_variables()
    slots = {f"{name}/Adam": array for name, array in variables.items()}
    slots |= {f"{name}/Adam_1": array for name, array in variables.items()}
    slots |= {"global_step": np.int64(153000), "beta1_power": np.float32(0.9), "beta2_power": np.float32(0.999)}
    assert nonlocal_unet_state_from_tf(variables | slots).keys() == nonlocal_unet_state_from_tf(variables).keys()


class TestErrors:
    def test_missing_and_unknown_are_named(self):
        variables = tf_variables()
        del variables["conv3d_5/kernel"], variables["batch_normalization_3/beta"]
        variables["dense/kernel"] = np.zeros(3)
        with pytest.raises(ValueError, match="missing.*unknown") as error:
            nonlocal_unet_state_from_tf(variables)
        for name in ("conv3d_5/kernel", "batch_normalization_3/beta", "dense/kernel"):
            assert name in str(error.value)

    def test_misshapen_is_named_with_what_was_expected(self):
        variables = tf_variables()
        variables["conv3d_4/kernel"] = np.zeros((1, 1, 1, F, F), np.float32)
        with pytest.raises(ValueError, match=r"'conv3d_4/kernel' has shape .*4\), expected \(1, 1, 1, 4, 8\)"):
            nonlocal_unet_state_from_tf(variables)

    def test_not_finite_is_named(self):
        variables = tf_variables()
        variables["conv3d_4/kernel"][0, 0, 0, 0, 0] = np.nan
        with pytest.raises(ValueError, match="'conv3d_4/kernel' holds NaN"):
            nonlocal_unet_state_from_tf(variables)

    @pytest.mark.parametrize("variables", [{}, {"conv3d/kernel": np.zeros(3)}])
    def test_something_else(self, variables):
        with pytest.raises(ValueError, match="not the variables of a published"):
            nonlocal_unet_state_from_tf(variables)

    def test_files(self, tmp_path):
        with pytest.raises(ValueError, match="does not exist"):
            read_tf_variables(tmp_path / "a.npz")
        (tmp_path / "a.npz").write_text("no archive")
        with pytest.raises(ValueError, match="not a readable .npz"):
            read_tf_variables(tmp_path / "a.npz")
        with pytest.raises(ValueError, match="neither an .npz file nor the prefix"):
            read_tf_variables(tmp_path / "model.ckpt")
        np.savez(tmp_path / "b.npz", a=np.array([{"an": "object"}], dtype=object))
        with pytest.raises(ValueError, match="not a readable .npz"):
            read_tf_variables(tmp_path / "b.npz")

    def test_checkpoint_without_tensorflow(self, tmp_path):
        try:
            import tensorflow  # noqa: F401
        except ImportError:
            (tmp_path / "model.ckpt-153000.index").touch()
            with pytest.raises(ValueError, match="TensorFlow is not installed"):
                read_tf_variables(tmp_path / "model.ckpt-153000")
        else:
            with pytest.raises(Exception, match="model.ckpt"):
                read_tf_variables(tmp_path / "model.ckpt-153000")


class TestConvert:
    def test_round_trip(self, tmp_path):
        variables = tf_variables((True, False))
        np.savez(tmp_path / "published.npz", **{f"var/{name}:0": array for name, array in variables.items()}, logits=0)
        summary = convert_nonlocal_unet(tmp_path / "published.npz", tmp_path / "model.pt")
        net = NonLocalUNet.released(features=F)
        assert summary == {"variant": "released", "parameters": sum(p.numel() for p in net.parameters())}
        net.load_state_dict(torch.load(tmp_path / "model.pt", weights_only=True))
        np.testing.assert_array_equal(net.output.bias.detach(), variables["conv3d_14/bias"])
        assert sorted(path.name for path in tmp_path.iterdir()) == ["model.pt", "published.npz"]

    def test_never_overwrites(self, tmp_path):
        (tmp_path / "model.pt").write_text("finished work")
        with pytest.raises(ValueError, match="exists: give another name"):
            convert_nonlocal_unet(tmp_path / "published.npz", tmp_path / "model.pt")
        assert (tmp_path / "model.pt").read_text() == "finished work"

    def test_leaves_nothing_on_failure(self, tmp_path):
        np.savez(tmp_path / "published.npz", a=np.zeros(3))
        with pytest.raises(ValueError, match="not the variables"):
            convert_nonlocal_unet(tmp_path / "published.npz", tmp_path / "model.pt")
        with pytest.raises(ValueError, match="folder .* does not exist"):
            convert_nonlocal_unet(tmp_path / "published.npz", tmp_path / "nowhere" / "model.pt")
        assert [path.name for path in tmp_path.iterdir()] == ["published.npz"]


@needs_parity
class TestParity:
    @pytest.fixture(scope="class")
    def published(self):
        with np.load(PARITY) as file:
            return {name: file[name] for name in file.files}

    @pytest.fixture(scope="class")
    def network(self):
        net = NonLocalUNet.released().eval()
        net.load_state_dict(nonlocal_unet_state_from_tf(read_tf_variables(PARITY)))
        return net

    def test_logits_and_labels(self, published, network):
        with torch.no_grad():
            logits = network(torch.from_numpy(published["input"]).permute(0, 4, 1, 2, 3)).permute(0, 2, 3, 4, 1)
        np.testing.assert_allclose(logits, published["logits"], atol=1e-3, rtol=0)
        np.testing.assert_array_equal(logits.argmax(-1), published["logits"].argmax(-1))
        np.testing.assert_allclose(logits.softmax(-1), published["probs"], atol=1e-4, rtol=0)

    def test_penalty_is_over_the_published_kernels(self, published, network):
        kernels, _ = kernel_decay_groups(network, 2e-6)
        ours = sum(float(kernel.detach().double().square().sum()) for kernel in kernels["params"]) / 2
        theirs = sum(
            float((array.astype(np.float64) ** 2).sum()) for name, array in published.items() if "/kernel" in name
        )
        assert ours == pytest.approx(theirs / 2, rel=1e-6)
