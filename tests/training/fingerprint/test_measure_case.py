from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from monai_nlseg.training.cases.case import Classes, LabelClass, TrainingCase
from monai_nlseg.training.fingerprint.fault import CaseFailure
from monai_nlseg.training.fingerprint.measure_case import measure_case
from tests.training.fingerprint.small_data import AFFINE, SHAPE, boxes, intensities, picture_case, save, volume_case


def test_a_volume_is_measured_as_it_is_stored(tmp_path):
    image, label = intensities(0), boxes()
    image[0] = 0
    affine = np.diag([-1.0, 2.0, 1.5, 1.0])
    found = measure_case(volume_case(tmp_path, "a", image, label, affine=affine, seed=0))
    assert found.shape == SHAPE
    assert found.spacing == (1.0, 2.0, 1.5)
    assert found.orientation == "LAS"
    assert found.dtype == "int16"
    assert found.voxels == {value: int((label == value).sum()) for value in (0, 1, 2)}
    (channel,) = found.channels
    inside = image[label > 0]
    assert (channel.minimum, channel.maximum) == (0, image.max())
    assert channel.percentiles == tuple(np.percentile(inside, (0.5, 50, 99.5)))
    assert channel.mean == pytest.approx(inside.mean())
    assert channel.deviation == pytest.approx(inside.std())
    assert channel.zeros == pytest.approx(1 / SHAPE[0])
    faces = [image[0], image[-1], image[:, 0], image[:, -1], image[..., 0], image[..., -1]]
    assert channel.zero_border == pytest.approx(np.mean(np.concatenate([face.ravel() for face in faces]) == 0))


def test_channels_in_one_file_and_in_several_are_the_same_image(tmp_path):
    first, second = intensities(1), intensities(2)
    together = volume_case(tmp_path, "together", np.stack([first, second], axis=-1), boxes())
    paths = (save(tmp_path / "t1.nii", first), save(tmp_path / "t2.nii", second.astype(np.float32)))
    apart = TrainingCase("apart", paths, together.labels, "apart")
    one, other = measure_case(together), measure_case(apart)
    assert len(one.channels) == 2
    assert one.channels == other.channels
    assert one.digest == other.digest != measure_case(TrainingCase("b", paths[::-1], together.labels, "b")).digest


def test_a_label_in_another_order_of_axes_is_turned(tmp_path):
    label = boxes()
    label[1, 2, 3] = 2
    straight = volume_case(tmp_path, "a", intensities(0), label, seed=0)
    turned = nib.as_closest_canonical(nib.load(straight.labels[0])).as_reoriented(np.array([[2, -1], [0, 1], [1, 1]]))
    nib.save(turned, tmp_path / "turned.nii")
    found = measure_case(TrainingCase("a", straight.images, (str(tmp_path / "turned.nii"),), "a"))
    assert found.turned
    assert not measure_case(straight).turned
    assert found.label_digest == measure_case(straight).label_digest


def test_masks_are_merged_by_their_union(tmp_path):
    one, other = np.zeros((20, 30), np.uint8), np.zeros((20, 30), np.uint8)
    one[2:6, 2:6] = other[4:10, 4:10] = 255
    image = np.arange(600, dtype=np.uint8).reshape(20, 30)
    found = measure_case(picture_case(tmp_path, "a", image, one, other))
    assert found.voxels == {0: 600 - 48, 255: 48}
    assert (found.shape, found.spacing, found.orientation) == ((20, 30), (1.0, 1.0), None)


def test_a_picture_has_a_channel_of_grey_or_three_of_colour(tmp_path):
    grey = np.repeat(np.arange(200, dtype=np.uint8).reshape(10, 20)[..., None], 3, axis=2)
    colour = grey.copy()
    colour[..., 2] = 255 - colour[..., 0]
    mask = np.eye(10, 20, dtype=np.uint8)
    assert len(measure_case(picture_case(tmp_path, "grey", grey, mask)).channels) == 1
    case = picture_case(tmp_path, "colour", colour, mask)
    assert len(measure_case(case).channels) == 3
    assert len(measure_case(case, colour=False).channels) == 1


def test_a_volume_of_one_slice_is_refused(tmp_path):
    """Inference takes pictures or volumes of several slices."""
    image = intensities(0, (12, 10, 1))
    failure = measure_case(volume_case(tmp_path, "a", image, (image > 450).astype(np.uint8), seed=0))
    assert (failure.kind, failure.detail.endswith("of 12 x 10 x 1 voxels")) == ("flat", True)


def test_regions_are_measured_by_all_their_values(tmp_path):
    classes = Classes((LabelClass("whole", (1, 2)), LabelClass("core", (2,))), overlapping=True, painted=(1, 2))
    found = measure_case(volume_case(tmp_path, "a"), classes)
    assert set(found.thickness) == {"whole", "core"}
    assert found.thickness["whole"] > found.thickness["core"]


MOVED = AFFINE.copy()
MOVED[0, 3] = 3


@pytest.mark.parametrize(
    ("label", "label_affine", "kind", "text"),
    [
        (boxes((12, 10, 7)), None, "grid", "shape 12 x 10 x 7 against 12 x 10 x 8"),
        (boxes(), MOVED, "grid", "up to 3 mm apart"),
        (boxes() * 0.4, None, "label", "not whole numbers"),
        (boxes().astype(np.int16) - 1, None, "values", "-1"),
    ],
)
def test_a_label_that_cannot_be_used(tmp_path, label, label_affine, kind, text):
    failure = measure_case(volume_case(tmp_path, "a", intensities(0), label, label_affine=label_affine, seed=0))
    assert isinstance(failure, CaseFailure)
    assert failure.kind == kind
    assert text in failure.detail


def test_float_labels_that_are_whole_are_fine(tmp_path):
    case = volume_case(tmp_path, "a", intensities(0), boxes().astype(np.float64), seed=0)
    assert set(measure_case(case).voxels) == {0, 1, 2}


def test_values_that_are_not_declared_are_refused_but_not_those_that_are_ignored(tmp_path):
    case = volume_case(tmp_path, "a")
    failure = measure_case(case, Classes((LabelClass("one", (1,)),)))
    assert (failure.kind, failure.detail) == ("values", "values 2")
    found = measure_case(case, Classes((LabelClass("one", (1,)),), ignored=2))
    assert set(found.thickness) == {"one"}


def test_nan_and_unreadable_images_are_refused(tmp_path):
    image = intensities(0).astype(np.float32)
    image[0, 0, :3] = np.nan
    failure = measure_case(volume_case(tmp_path, "a", image, boxes(), seed=0))
    assert (failure.kind, failure.detail) == ("not finite", "3 of 960 values")
    case = volume_case(tmp_path, "b")
    with open(case.images[0], "r+b") as file:
        file.truncate(500)
    assert measure_case(case).kind == "image"
    assert measure_case(TrainingCase("c", (str(tmp_path / "none.nii"),), case.labels, "c")).kind == "image"


def test_channels_on_two_grids_are_refused(tmp_path):
    case = volume_case(tmp_path, "a")
    other = save(tmp_path / "other.nii", intensities(1), MOVED)
    failure = measure_case(TrainingCase("a", (*case.images, other), case.labels, "a"))
    assert failure.kind == "grid"
    assert other in failure.detail
