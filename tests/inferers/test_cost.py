"""The cost against what PyTorch's allocator and the operating system measure."""

from __future__ import annotations

import sys

import pytest
import torch

from monai_nlseg.inferers import StepWindowInferer, inference_cost
from monai_nlseg.inferers import cost as module
from monai_nlseg.networks import optimize_for_inference
from monai_nlseg.networks.nets import CCFCN3D, NonLocalUNet
from tests.forked import run_module
from tests.inferers.allocations import allocated, allocations


def conv(spatial_dims: int = 3, channels: int = 2) -> torch.nn.Module:
    layer = {2: torch.nn.Conv2d, 3: torch.nn.Conv3d}[spatial_dims]
    return layer(channels, 4, 3, padding=1).eval()


def test_published_windows_and_flops():
    inferer = StepWindowInferer(32, 8, standardize=True)
    cost = inference_cost(inferer, NonLocalUNet.paper().eval(), (2, 116, 148, 100), measure=False)
    assert cost.windows == 1920
    assert cost.flops / cost.windows == pytest.approx(30.7e9, rel=2e-3)  # FACTS: 30.7 GFLOP a window
    assert cost.weights_bytes == pytest.approx(4 * 1_821_124, rel=0.01)
    assert cost.seconds is None
    assert str(cost).startswith("1920 windows of 32x32x32, step 8x8x8, 4 at a time: 59 TFLOP, peak memory ")


def test_a_window_without_a_size_is_the_image():
    cost = inference_cost(StepWindowInferer((16, -1, None), 8, activation=None), conv(), (2, 40, 24, 20), measure=False)
    assert (cost.windows, cost.roi_size, cost.step) == (4, (16, 24, 20), (8, 24, 20))


def test_same_flops_with_the_compiled_attention():
    inferer, network = StepWindowInferer(32, 8), NonLocalUNet.paper().eval()
    before = inference_cost(inferer, network, (2, 32, 32, 32), measure=False).flops
    assert inference_cost(inferer, optimize_for_inference(network), (2, 32, 32, 32), measure=False).flops == before


@pytest.fixture
def two_threads():
    """A single one computes some convolutions in another way, which takes less memory than is planned for."""
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("output", ["average", "labels"])
@pytest.mark.parametrize("build", [NonLocalUNet.paper, NonLocalUNet.released, CCFCN3D])
def test_memory_is_what_the_allocator_hands_out(build, output):
    network = optimize_for_inference(build())
    image = torch.rand(1, 2, 48, 40, 40) + 0.1
    inferer = StepWindowInferer(32, 8, standardize=True, output=output)
    cost = inference_cost(inferer, network, image.shape[1:], measure=False)
    inferer.sw_batch_size = cost.sw_batch_size
    with torch.inference_mode(), allocations() as profile:
        inferer(image, network)
    peak = allocated(profile)
    assert cost.peak_bytes - cost.runtime_bytes == pytest.approx(peak, rel=0.2)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_is_what_the_process_grows_by():
    done = run_module("tests.inferers.memory_growth")
    assert done.returncode == 0, done.stderr
    tensors, growth, planned = map(int, done.stdout.split())
    assert tensors <= growth <= planned


@pytest.mark.parametrize("step", [32, 16])
def test_memory_of_a_large_volume_and_a_small_network(step):
    """What is done with the volume itself then counts."""
    image = torch.rand(1, 2, 176, 160, 160) + 0.1
    inferer = StepWindowInferer(32, step, output="labels")
    cost = inference_cost(inferer, conv(), image.shape[1:], measure=False)
    inferer.sw_batch_size = cost.sw_batch_size
    with allocations() as profile:
        inferer(image, conv())
    peak = allocated(profile)
    assert cost.peak_bytes - cost.runtime_bytes == pytest.approx(peak, rel=0.2)


def test_a_network_in_training_mode_is_not_touched():
    network = NonLocalUNet(features=8).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    inference_cost(StepWindowInferer(8, 8), network, (2, 8, 8, 8))
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("shape", [(2,), (2, 0, 8, 8), (2, -5, 8, 8)])
def test_refuses_an_image_without_voxels(shape):
    with pytest.raises(ValueError, match="has no voxels"):
        inference_cost(StepWindowInferer(8, 8), conv(), shape, measure=False)


def test_batch_follows_the_memory():
    inferer, shape = StepWindowInferer(16, 8, output="labels"), (2, 64, 64, 64)
    plenty = inference_cost(inferer, conv(), shape, memory=4000, measure=False)
    assert plenty.sw_batch_size == 4
    assert inference_cost(inferer, conv(), shape, memory=4000, max_batch_size=9, measure=False).sw_batch_size == 9
    a_window = (plenty.batch_bytes / 1e6) / 4
    tight = inference_cost(inferer, conv(), shape, memory=plenty.peak_bytes / 1e6 - 1.5 * a_window, measure=False)
    assert tight.sw_batch_size == 2
    assert tight.peak_bytes < plenty.peak_bytes


def test_no_more_windows_at_a_time_than_there_are():
    assert inference_cost(StepWindowInferer(16, 16), conv(2), (2, 10, 30), measure=False).sw_batch_size == 2


def test_refuses_what_labels_would_save():
    inferer, shape = StepWindowInferer(16, 8), (2, 128, 64, 64)
    needed = inference_cost(inferer, conv(), shape, max_batch_size=1, measure=False).peak_bytes / 1e6
    with pytest.raises(
        ValueError, match=r"128x64x64 needs \d+ MB even one window.*use output='labels', which takes \d+"
    ):
        inference_cost(inferer, conv(), shape, memory=needed - 1, measure=False)
    labels = StepWindowInferer(16, 8, output="labels")
    assert inference_cost(labels, conv(), shape, memory=needed - 1, measure=False).sw_batch_size >= 1


def test_refuses_what_nothing_would_save():
    with pytest.raises(ValueError, match=r"50 MB may be used: give \d+ MB or smaller windows\.$"):
        inference_cost(StepWindowInferer(32, 8), conv(), (2, 256, 256, 256), memory=50, measure=False)


def test_time_is_that_of_the_windows(monkeypatch):
    clock = [0.0]

    class Timed(torch.nn.Conv2d):
        def forward(self, windows):
            clock[0] += 0.01 * len(windows)
            return super().forward(windows)

    monkeypatch.setattr(module.time, "perf_counter", lambda: clock[0])
    cost = inference_cost(StepWindowInferer(8, 4), Timed(1, 2, 1), (1, 40, 40))
    assert cost.seconds == pytest.approx(0.01 * 81)
    assert ", about 0.81 s, peak memory" in str(cost)


def test_refuses_what_takes_too_long_and_names_the_step(monkeypatch):
    monkeypatch.setattr(module, "_seconds_a_window", lambda *arguments: 0.1)
    inferer, shape = StepWindowInferer(32, 8), (2, 116, 148, 100)
    with pytest.raises(ValueError, match=r"1920 windows take about 3 min, 60 s are allowed: use step 13x13x13"):
        inference_cost(inferer, conv(), shape, seconds=60)
    with pytest.raises(ValueError, match=r"5 s are allowed: allow 3 min"):
        inference_cost(inferer, conv(), shape, seconds=5)
    with pytest.raises(ValueError, match="measure=True"):
        inference_cost(inferer, conv(), shape, seconds=5, measure=False)
    assert inference_cost(inferer, conv(), shape, seconds=200).seconds == pytest.approx(192)


def test_the_network_does_not_run_when_it_is_not_measured():
    def forward(windows):
        assert isinstance(windows, torch._subclasses.FakeTensor)
        return torch.nn.functional.conv2d(windows, network.weight)

    network = torch.nn.Conv2d(1, 3, 1)
    network.forward = forward
    cost = inference_cost(StepWindowInferer(8, 8), network, (1, 512, 512), measure=False)
    assert cost.windows == 64 * 64
    assert cost.flops == 2 * 3 * 512 * 512


def test_memory_of_a_container(monkeypatch, tmp_path):
    monkeypatch.setattr("monai_nlseg.machine.CGROUPS", ())
    free = module.available_bytes(torch.device("cpu"))
    group = (str(tmp_path), "memory.max", "memory.current", "inactive_file")
    monkeypatch.setattr("monai_nlseg.machine.CGROUPS", (group,))
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("3000100\n")
    (tmp_path / "memory.stat").write_text("anon 100\ninactive_file 3000000\n")
    assert module.available_bytes(torch.device("cpu")) == pytest.approx(free, rel=0.2)
    (tmp_path / "memory.max").write_text("1000100\n")
    assert module.available_bytes(torch.device("cpu")) == 1_000_000


def test_memory_that_pytorch_has_freed_on_an_accelerator_is_available(monkeypatch):
    for name, value in (("mem_get_info", (100, 1000)), ("memory_reserved", 700), ("memory_allocated", 300)):
        monkeypatch.setattr(torch.cuda, name, lambda device, value=value: value)
    assert module.available_bytes(torch.device("cuda")) == 500
