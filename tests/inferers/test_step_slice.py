from __future__ import annotations

import pytest
import torch
from monai.inferers import SliceInferer

from monai_nlseg.inferers import StepSliceInferer, inference_cost


def network(windows):
    """Depends on the whole window, as attention does."""
    return windows - windows.mean(dim=(2, 3), keepdim=True)


@pytest.fixture
def volume():
    return torch.rand(2, 1, 24, 20, 7, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("spatial_dim", [0, 1, 2])
@pytest.mark.parametrize("sw_batch_size", [1, 3])
def test_whole_slices_are_inferred_one_by_one(volume, spatial_dim, sw_batch_size):
    size = [length for axis, length in enumerate(volume.shape[2:]) if axis != spatial_dim]
    options = {"activation": None, "foreground_only": False, "sw_batch_size": sw_batch_size}
    found = StepSliceInferer(size, size, spatial_dim, **options)(volume, network)
    slices = [network(slice_) for slice_ in volume.unbind(spatial_dim + 2)]
    torch.testing.assert_close(found, torch.stack(slices, dim=spatial_dim + 2))
    reference = SliceInferer(roi_size=size, sw_batch_size=sw_batch_size, spatial_dim=spatial_dim)
    torch.testing.assert_close(found, reference(volume, network))


def test_windows_overlap_in_the_slice_and_never_across_slices(volume):
    inferer = StepSliceInferer(12, (4, 6), activation=None, foreground_only=False)
    reference = SliceInferer(roi_size=(12, 12), overlap=(2 / 3, 0.5, 0), spatial_dim=2, sw_batch_size=4)
    torch.testing.assert_close(inferer(volume, network), reference(volume, network))


def test_smaller_slices_are_padded_and_cropped_back(volume):
    seen = []

    def watching(windows):
        seen.append(windows.shape)
        return windows

    found = StepSliceInferer(32, 32, activation="sigmoid", foreground_only=False, sw_batch_size=4)(volume, watching)
    torch.testing.assert_close(found, volume.sigmoid())
    assert seen == [(4, 1, 32, 32), (3, 1, 32, 32)] * 2


def test_labels(volume):
    inferer = StepSliceInferer(16, 8, activation="sigmoid", foreground_only=False, output="labels")
    found = inferer(volume - 0.4, lambda windows: windows)
    assert found.dtype == torch.uint8
    torch.testing.assert_close(found.bool(), volume > 0.4)


@pytest.mark.parametrize(
    ("roi_size", "sizes"), [(-1, (24, 7)), (None, (24, 7)), ((12, -1), (12, 7)), ((None, 4), (24, 4))]
)
def test_no_size_is_the_slice_s(volume, roi_size, sizes):
    inferer = StepSliceInferer(roi_size, (6, 2), spatial_dim=1, activation=None)
    reference = SliceInferer(roi_size=sizes, overlap=0.5, spatial_dim=1, sw_batch_size=4)
    torch.testing.assert_close(inferer(volume, network), reference(volume, network))


def test_cost_counts_windows_of_all_slices():
    cost = inference_cost(StepSliceInferer(32, 16, activation=None), torch.nn.Conv2d(1, 1, 1), (1, 64, 40, 7))
    assert (cost.windows, cost.roi_size, cost.step) == (3 * 2 * 7, (32, 32, 1), (16, 16, 1))
    assert cost.result_bytes == 4 * 64 * 40 * 7


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((32, 16, 3), "spatial_dim 3 is not an axis of a volume: give 0, 1 or 2"),
        (((32, 32, 1), 16), "length 2"),
        ((32.5, 16), "not in whole voxels"),
    ],
)
def test_ill_arguments(arguments, words):
    with pytest.raises(ValueError, match=words):
        StepSliceInferer(*arguments)
