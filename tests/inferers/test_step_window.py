from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from monai.inferers import sliding_window_inference

from monai_nlseg.inferers import StepWindowInferer, foreground_box, window_starts
from monai_nlseg.transforms import standardize_windows


class TestWindowStarts:
    @pytest.mark.parametrize(("step", "count"), [(4, 11880), (8, 1920), (16, 378), (32, 80)])
    def test_published_counts(self, step, count):
        """The paper prints 387 for step 16, which no volume can give; 378 is what its code places."""
        assert math.prod(len(window_starts(length, 32, step)) for length in (116, 148, 100)) == count

    @pytest.mark.parametrize("lengths", [(113, 145, 97), (116, 148, 100)])
    def test_published_counts_hold_for_the_class_of_sizes(self, lengths):
        counts = [math.prod(len(window_starts(length, 32, step)) for length in lengths) for step in (4, 8, 16, 32)]
        assert counts == [11880, 1920, 378, 80]

    @given(st.integers(1, 40), st.integers(0, 60), st.data())
    def test_covers_the_axis_and_ends_flush(self, roi, extra, data):
        step = data.draw(st.integers(1, roi))
        length = roi + extra
        starts = window_starts(length, roi, step)
        assert starts[0] == 0 and starts[-1] == length - roi
        assert starts == sorted(set(starts))
        assert all(second - first <= step for first, second in zip(starts, starts[1:]))
        assert len(starts) == math.ceil((length - roi) / step) + 1

    @pytest.mark.parametrize(
        ("arguments", "words"), [((31, 32, 8), "shorter than the window"), ((40, 32, 0), "step"), ((40, 8, 9), "step")]
    )
    def test_refuses(self, arguments, words):
        with pytest.raises(ValueError, match=words):
            window_starts(*arguments)


class TestForegroundBox:
    def test_smallest_box(self):
        image = torch.zeros(6, 7, 8)
        image[1, 2, 3] = -1.0  # a negative voxel is foreground too
        image[4, 2, 5] = 2.0
        assert foreground_box(image) == (slice(1, 5), slice(2, 3), slice(3, 6))

    def test_one_axis(self):
        assert foreground_box(torch.tensor([0.0, 1.0, 0.0])) == (slice(1, 2),)

    def test_nothing(self):
        with pytest.raises(ValueError, match="zero everywhere"):
            foreground_box(torch.zeros(3, 3))


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
        result = StepWindowInferer(8, 8)(inputs, lambda windows: windows)
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

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            ({"roi_size": 8, "step": 9}, "step 9"),
            ({"roi_size": 8, "step": 0}, "step 0"),
            ({"roi_size": 8, "step": 4, "sw_batch_size": 0}, "sw_batch_size"),
            ({"roi_size": 8, "step": 4, "activation": "relu"}, "activation"),
            ({"roi_size": (8, 8), "step": 4}, "Sequence must have length 3"),
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
