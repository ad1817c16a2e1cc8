from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from monai.inferers import sliding_window_inference

from monai_nlseg.inferers import StepWindowInferer, window_starts
from monai_nlseg.inferers.windows import WindowGrid
from monai_nlseg.transforms import standardize_windows
from tests.inferers.allocations import allocated, allocations


def _linear(spatial_dims: int, in_channels: int = 2, out_channels: int = 3) -> torch.nn.Module:
    torch.manual_seed(0)
    conv = {2: torch.nn.Conv2d, 3: torch.nn.Conv3d}[spatial_dims]
    return conv(in_channels, out_channels, 3, padding=1).requires_grad_(False)


class TestStepWindowInferer:
    @pytest.mark.parametrize("shape", [(1, 2, 40, 36, 20), (2, 2, 17, 33, 16), (1, 2, 50, 41), (3, 2, 16, 16)])
    def test_equals_monai_where_both_can_express_it(self, shape):
        network = _linear(len(shape) - 2)
        inputs = torch.rand(shape) + 0.1
        ours = StepWindowInferer(16, 8, sw_batch_size=3, activation=None)(inputs, network)
        theirs = sliding_window_inference(inputs, 16, 2, network, overlap=0.5)
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)

    @pytest.mark.parametrize("mode", ["constant", "gaussian"])
    @pytest.mark.parametrize(("roi", "step"), [((16, 8, 12), (8, 4, 6)), ((8, 12, 16), (4, 6, 8))])
    def test_equals_monai_with_blending_and_a_step_per_axis(self, mode, roi, step):
        network, inputs = _linear(3), torch.rand(2, 2, 33, 25, 30) + 0.1
        ours = StepWindowInferer(roi, step, activation=None, mode=mode)(inputs, network)
        theirs = sliding_window_inference(inputs, roi, 3, network, overlap=0.5, mode=mode)
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)

    @settings(max_examples=20, deadline=None)
    @given(st.tuples(st.integers(1, 14), st.integers(1, 14)), st.integers(1, 6), st.integers(1, 6), st.integers(1, 7))
    def test_equals_the_definition(self, shape, roi, step, batch):
        """Each voxel is the mean of the probabilities of all windows over it, on the padded image if need be."""
        step = min(step, roi)
        network = _linear(2)
        image = torch.rand(1, 2, *shape, generator=torch.Generator().manual_seed(1)) + 0.1
        before = [math.ceil(max(roi - size, 0) / 2) for size in shape]
        padded_shape = [max(size, roi) for size in shape]
        padded = torch.zeros(1, 2, *padded_shape)
        inside = tuple(slice(pad, pad + size) for pad, size in zip(before, shape))
        padded[:, :, inside[0], inside[1]] = image
        total, count = torch.zeros(1, 3, *padded_shape), torch.zeros(padded_shape)
        for row in window_starts(padded_shape[0], roi, step):
            for column in window_starts(padded_shape[1], roi, step):
                window = standardize_windows(padded[:, :, row : row + roi, column : column + roi])
                total[:, :, row : row + roi, column : column + roi] += network(window).softmax(1)
                count[row : row + roi, column : column + roi] += 1
        expected = (total / count)[:, :, inside[0], inside[1]]
        result = StepWindowInferer(roi, step, sw_batch_size=batch, standardize=True)(image, network)
        torch.testing.assert_close(result, expected, rtol=1e-4, atol=1e-5)

    def test_batch_size_does_not_matter(self):
        network, inputs = _linear(3), torch.rand(1, 2, 20, 22, 18) + 0.1
        results = [StepWindowInferer(8, 5, sw_batch_size=size)(inputs, network) for size in (1, 4, 1000)]
        for result in results[1:]:
            torch.testing.assert_close(result, results[0], rtol=0, atol=1e-6)

    def test_outside_the_box_is_background(self):
        inputs = torch.zeros(1, 2, 20, 20, 20)
        inputs[:, 0, 4:16, 5:15, 6:18] = 1.0
        inputs[:, 1] = 1.0  # the second modality does not widen the box
        calls = []

        def network(windows):
            calls.append(windows.shape[0])
            return torch.stack([windows[:, 0] * 0, windows[:, 0] * 0 + 9], dim=1)

        result = StepWindowInferer(8, 8, sw_batch_size=4)(inputs, network)
        assert sum(calls) == 2 * 2 * 2
        labels = result.argmax(1)
        assert labels[0, 4:16, 5:15, 6:18].all()
        assert labels.sum() == 12 * 10 * 12
        torch.testing.assert_close(result.sum(1), torch.ones(1, 20, 20, 20))
        assert result[0, 0, 0, 0, 0] == 1.0

    def test_sigmoid_gives_zero_outside_the_box(self):
        inputs = torch.zeros(1, 1, 12, 12)
        inputs[..., 2:10, 2:10] = 1.0
        result = StepWindowInferer(4, 4, activation="sigmoid")(inputs, lambda windows: windows)
        assert result[0, 0, 0, 0] == 0.0
        torch.testing.assert_close(result[0, 0, 5, 5], torch.tensor(1.0).sigmoid())

    def test_smaller_than_the_window(self):
        shapes = []

        def network(windows):
            shapes.append(tuple(windows.shape))
            return torch.cat([windows, -windows], dim=1)

        result = StepWindowInferer(16, 8)(torch.ones(1, 1, 5, 16, 9), network)
        assert shapes == [(1, 1, 16, 16, 16)]
        assert result.shape == (1, 2, 5, 16, 9)
        torch.testing.assert_close(result[:, 0], torch.full((1, 5, 16, 9), math.e / (math.e + 1 / math.e)))

    def test_each_window_is_standardised_by_itself(self):
        seen = []
        inputs = torch.rand(1, 2, 24, 24, 8) * torch.tensor([3.0, 100.0]).reshape(1, 2, 1, 1, 1) + 5
        StepWindowInferer(8, 8, standardize=True, activation=None)(
            inputs, lambda windows: seen.append(windows) or windows
        )
        windows = torch.cat(seen)
        assert windows.shape[0] == 9
        torch.testing.assert_close(windows.mean((2, 3, 4)), torch.zeros(9, 2), rtol=0, atol=1e-4)
        torch.testing.assert_close(windows.std((2, 3, 4), correction=0), torch.ones(9, 2), rtol=1e-4, atol=0)

    def test_keeps_the_affine(self):
        affine = torch.diag(torch.tensor([0.5, 2.0, 3.0, 1.0], dtype=torch.float64))
        inputs = MetaTensor(torch.ones(1, 1, 8, 8, 8), affine=affine)
        result = StepWindowInferer(8, 8, activation=None)(inputs, lambda windows: windows)
        assert isinstance(result, MetaTensor)
        torch.testing.assert_close(result.affine, affine)

    def test_integer_images(self):
        inputs = torch.randint(1, 5, (1, 1, 8, 8))
        result = StepWindowInferer(4, 2, standardize=True)(inputs, lambda windows: torch.cat([windows, windows], 1))
        assert result.dtype == torch.float32

    def test_arguments_reach_the_network(self):
        result = StepWindowInferer(4, 4, activation=None)(
            torch.ones(1, 1, 4, 4), lambda windows, factor, shift=0: windows * factor + shift, 3, shift=2
        )
        assert result.unique().tolist() == [5.0]

    @pytest.mark.parametrize("roi_size", [(8, -1), (8, None), (8, 0), (-1, 8), -1, None])
    @pytest.mark.parametrize("foreground_only", [False, True])
    def test_no_size_is_the_image_s_as_in_monai(self, roi_size, foreground_only):
        network, inputs = _linear(2), torch.rand(2, 2, 21, 13) + 0.1
        ours = StepWindowInferer(roi_size, 4, activation=None, foreground_only=foreground_only)(inputs, network)
        theirs = sliding_window_inference(inputs, roi_size, 2, network, overlap=(8 - 4) / 8)
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)

    def test_no_size_is_the_image_s_whatever_is_zero_in_it(self):
        inputs = torch.zeros(1, 1, 20, 24)
        inputs[..., 5:9, 6:11] = 1.0
        seen = []
        inferer = StepWindowInferer((4, -1), 9, activation=None)  # the step of the first axis would not fit
        with pytest.raises(ValueError, match="step 9 does not fit a window of 4"):
            inferer(inputs, lambda windows: windows)
        StepWindowInferer((4, -1), (4, 99), activation=None)(inputs, lambda windows: seen.append(windows) or windows)
        assert [tuple(windows.shape) for windows in seen] == [(1, 1, 4, 24)]
        torch.testing.assert_close(seen[0], inputs[:, :, 5:9])

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ({"roi_size": 8, "step": None}, "step None is not in whole voxels"),
            ({"roi_size": 8.0, "step": 4}, "roi_size 8.0 is not in whole voxels: give an int, or one for each axis"),
            ({"roi_size": 8, "step": 9}, "step 9"),
            ({"roi_size": 8, "step": 0}, "step 0"),
            ({"roi_size": 8, "step": 4, "sw_batch_size": 0}, "sw_batch_size"),
            ({"roi_size": 8, "step": 4.0}, "step 4.0 is not in whole voxels"),
            ({"roi_size": 8, "step": [4, 10**12]}, "step is 1000000000000: give a whole number from"),
            ({"roi_size": [10**11, 8, 8], "step": 4}, "is too large a window: give at most 1,073,741,824 voxels"),
            ({"roi_size": 8, "step": 4, "sw_batch_size": 10**12}, "sw_batch_size is 1000000000000: give a whole"),
            ({"roi_size": 8, "step": 4, "sw_batch_size": 1.5}, "sw_batch_size is 1.5: give a whole"),
            ({"roi_size": 8, "step": 4, "activation": "relu"}, "activation"),
            ({"roi_size": (8, 8), "step": 4}, "Sequence must have length 3"),
            ({"roi_size": 8, "step": 4, "mode": "cosine"}, "mode 'cosine' is unknown: choose 'constant' or 'gaussian'"),
            ({"roi_size": 8, "step": 4, "output": "mask"}, "output 'mask' is unknown"),
            ({"roi_size": 8, "step": 4, "dtype": torch.uint8}, "give a floating dtype"),
        ],
    )
    def test_refuses_arguments(self, arguments, words):
        with pytest.raises(ValueError, match=words):
            StepWindowInferer(**arguments)(torch.ones(1, 1, 8, 8, 8), lambda windows: windows)

    @pytest.mark.parametrize(
        ("inputs", "words"),
        [
            (torch.full((1, 1, 8, 8), float("nan")), "NaN"),
            (torch.full((1, 1, 8, 8), float("inf")), "infinite"),
            (torch.zeros(1, 1, 8, 8), "zero everywhere"),
            (torch.ones(8, 8), "expected"),
            (torch.ones(0, 1, 8, 8), "none of them empty"),
        ],
    )
    def test_refuses_inputs(self, inputs, words):
        with pytest.raises(ValueError, match=words):
            StepWindowInferer(4, 4)(inputs, lambda windows: windows)

    def test_names_the_file_of_a_bad_image(self):
        inputs = MetaTensor(torch.ones(2, 1, 8, 8), meta={"filename_or_obj": ["a.nii", "b.nii"]})
        inputs[1] = float("nan")
        with pytest.raises(ValueError, match=r"'b.nii' holds NaN"):
            StepWindowInferer(4, 4)(inputs, lambda windows: windows)

    def test_refuses_a_network_that_changes_the_size(self):
        with pytest.raises(ValueError, match="keeps the spatial size"):
            StepWindowInferer(4, 4)(torch.ones(1, 1, 8, 8), lambda windows: windows[..., 1:])

    def test_zero_image_is_inferred_on_request(self):
        result = StepWindowInferer(4, 4, foreground_only=False)(
            torch.zeros(1, 1, 8, 8), lambda windows: torch.cat([windows, windows + 1], 1)
        )
        assert result.argmax(1).all()

    @settings(max_examples=20, deadline=None)
    @given(
        st.tuples(st.integers(1, 12), st.integers(1, 12), st.integers(1, 12)),
        st.sampled_from(["softmax", "sigmoid", None]),
        st.sampled_from(["constant", "gaussian"]),
        st.integers(1, 5),
    )
    def test_labels_are_those_of_the_averages(self, shape, activation, mode, step):
        network = _linear(3, in_channels=1)
        image = torch.randn(1, 1, *shape, generator=torch.Generator().manual_seed(sum(shape)))
        options = {"roi_size": 5, "step": step, "activation": activation, "mode": mode}
        averages = StepWindowInferer(**options)(image, network)
        labels = StepWindowInferer(**options, output="labels")(image, network)
        expected = averages > 0.5 if activation == "sigmoid" else averages.argmax(1, keepdim=True)
        assert labels.dtype == torch.uint8
        assert torch.equal(labels, expected.to(torch.uint8))

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
    def test_averages_in_reduced_precision_are_summed_in_float32(self, dtype):
        network, inputs = _linear(3), torch.rand(1, 2, 20, 12, 12) + 0.1
        full = StepWindowInferer(8, 1)(inputs, network)
        assert torch.equal(StepWindowInferer(8, 1, dtype=dtype)(inputs, network), full.to(dtype))

    def test_several_outputs(self):
        inputs = torch.rand(2, 1, 14, 12) + 0.1

        def network(windows):
            return torch.cat([windows, 1 - windows], 1), torch.cat([windows] * 3, 1)

        first, second = StepWindowInferer(6, 4, activation=None)(inputs, network)
        torch.testing.assert_close(first, torch.cat([inputs, 1 - inputs], 1))
        torch.testing.assert_close(second, torch.cat([inputs] * 3, 1))

    def test_zero_windows_are_computed_once(self):
        image = torch.zeros(1, 1, 40, 40)
        image[0, 0, :4, :4] = image[0, 0, 36:, 36:] = 1.0
        calls = []

        def network(windows):
            calls.append(windows)
            return torch.cat([windows, windows + 0.5], 1)

        windows = 5 * 5
        reused = StepWindowInferer(8, 8, sw_batch_size=3)(image, network)
        assert sum(call.shape[0] for call in calls) == 2 + 1
        calls.clear()
        computed = StepWindowInferer(8, 8, sw_batch_size=3, reuse_empty=False)(image, network)
        assert sum(call.shape[0] for call in calls) == windows
        assert torch.equal(reused, computed)

    def test_batches_are_full_although_zero_windows_lie_between(self):
        image = torch.zeros(1, 1, 64)
        image[0, 0, ::16] = 1.0
        image[0, 0, -1] = 1.0
        sizes = []
        StepWindowInferer(8, 8, sw_batch_size=2, activation=None)(
            image, lambda windows: sizes.append(len(windows)) or windows
        )
        assert sizes == [1, 2, 2, 1]  # the zeros, then five windows

    def test_network_in_reduced_precision(self):
        inputs = torch.rand(1, 2, 12, 12) + 0.1
        result = StepWindowInferer(4, 2)(inputs, lambda windows: windows.bfloat16())
        assert result.dtype == torch.float32

    def test_nan_of_the_network_is_refused(self):
        with pytest.raises(ValueError, match="the network returned NaN"):
            StepWindowInferer(4, 4, activation=None)(torch.ones(1, 1, 8, 8), lambda windows: windows * float("nan"))

    def test_no_gradient_is_recorded(self):
        network = torch.nn.Conv2d(1, 2, 1)
        assert not StepWindowInferer(4, 2)(torch.ones(1, 1, 8, 8), network).requires_grad

    @pytest.mark.parametrize(
        ("network", "words"),
        [
            (lambda windows: {"out": windows}, "returned a dict: wrap it"),
            (lambda windows: windows, "softmax of one channel is 1 everywhere"),
        ],
    )
    def test_refuses_outputs(self, network, words):
        with pytest.raises(ValueError, match=words):
            StepWindowInferer(4, 4)(torch.ones(1, 1, 8, 8), network)

    def test_too_many_classes_for_labels(self):
        with pytest.raises(ValueError, match="257 classes do not fit"):
            StepWindowInferer(4, 4, output="labels")(
                torch.ones(1, 1, 8, 8), lambda windows: windows.repeat(1, 257, 1, 1)
            )


@pytest.mark.parametrize("output", ["average", "labels"])
def test_no_more_is_allocated_than_the_grid_says(output):
    """Bytes as PyTorch's allocator counts them, over what image, result and one batch of windows take."""
    shape, channels, roi = (1, 1, 160, 64, 64), 4, 16
    image = torch.ones(shape)
    windows = 2 * (1 + 2 * channels) * roi**3 * 4
    result = math.prod(shape) * (1 if output == "labels" else 4 * channels)
    inferer = StepWindowInferer(roi, 8, sw_batch_size=2, output=output, reuse_empty=False)
    with allocations() as profile:
        inferer(image, lambda windows: torch.cat([windows] * channels, 1))
    peak = allocated(profile)
    # Checks before the first window (finite, box) hold a few bytes a voxel of the image.
    sums = WindowGrid.covering(shape[2:], roi, 8).sums_bytes(channels)
    assert peak <= max(result + sums + windows, 16 * math.prod(shape)) * 1.02
    assert peak >= result
