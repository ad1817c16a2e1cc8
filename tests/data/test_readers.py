"""The contract that every reader of a data set keeps."""

from __future__ import annotations

import re
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from monai.transforms import LoadImaged
from monai.utils import ensure_tuple

from tests.data.images import save_image, save_mask, truncate
from tests.data.readers import PICTURES, READERS, SHAPE, VOLUMES, real_datalist


def table(name, readers):
    return pytest.mark.parametrize(name, readers, ids=lambda reader: reader.name)


MASKS = pytest.mark.parametrize(
    ("reader", "mask"),
    [pytest.param(reader, mask, id=f"{reader.name}-{mask.key}") for reader in PICTURES for mask in reader.masks],
)
FILES = pytest.mark.parametrize(
    ("reader", "file"),
    [pytest.param(reader, file, id=f"{reader.name}-{Path(file).name}") for reader in VOLUMES for file in reader.files],
)


@pytest.fixture
def folder(reader, tmp_path):
    reader.write(tmp_path / "data")
    return tmp_path / "data"


def refuse(reader, folder, words, **options):
    with pytest.raises(ValueError, match=words):
        reader.read(folder, **options)


class TestAll:
    @table("reader", READERS)
    def test_datalist_has_each_case_once_in_natural_order_and_the_same_from_text_and_path(self, reader, folder):
        datalist = reader.read(folder)
        assert [entry["case"] for entry in datalist] == list(reader.cases)
        assert reader.read(str(folder)) == datalist

    @table("reader", READERS)
    def test_all_files_that_it_names_are_there_and_load(self, reader, folder):
        pictures = reader in PICTURES
        name = "PictureReader" if pictures else "VolumeReader"
        for entry in reader.read(folder):
            keys = [key for key in ("image", "label", "second_label", "fov") if key in entry]
            paths = [Path(path) for key in keys for path in ensure_tuple(entry[key])]
            assert all(path.is_file() and path.is_relative_to(folder) for path in paths)
            loaded = LoadImaged(keys, reader=f"monai_nlseg.data.{name}", ensure_channel_first=True)(entry)
            assert all(loaded[key].shape[1:] == ((16, 20) if pictures else SHAPE) for key in keys)

    @table("reader", READERS)
    def test_a_folder_that_is_not_there_is_refused(self, reader, tmp_path):
        refuse(reader, tmp_path / "nowhere", f"nowhere' is {reader.absent}")

    @table("reader", READERS)
    def test_an_empty_folder_is_refused(self, reader, tmp_path):
        refuse(reader, tmp_path, reader.empty)

    @table("reader", [reader for reader in READERS if reader.real])
    def test_real_data(self, reader):
        datalist = real_datalist(reader.name, check_content=True)
        assert {key: len({entry[key] for entry in datalist}) for key in reader.real} == reader.real
        assert len(datalist) == reader.real["case"] and all("label" in entry for entry in datalist)


class TestPictures:
    @MASKS
    def test_an_image_without_its_mask_is_named(self, reader, mask, folder):
        for other in reader.masks:
            if other.partner == mask.partner:
                (folder / other.path).unlink()
        refuse(reader, folder, re.escape(f"1 image without {mask.partner} ({reader.number})"))

    @table("reader", PICTURES)
    def test_a_mask_without_its_image_is_named(self, reader, folder):
        (folder / reader.image).unlink()
        refuse(reader, folder, re.escape(f"1 {reader.masks[0].partner} without image ({reader.number})"))

    @table("reader", PICTURES)
    def test_unknown_names_are_refused(self, reader, folder):
        for name in reader.unknown:
            save_image(folder / name)
            refuse(reader, folder, f"{re.escape(Path(name).name)}' has an unknown name: expected {reader.layout}")
            (folder / name).unlink()

    @table("reader", PICTURES)
    def test_two_files_of_one_image_are_refused(self, reader, folder):
        save_image(folder / reader.twin, "RGB")
        first, second = sorted(Path(name).name for name in (reader.twin, reader.image))
        refuse(reader, folder, rf"'{re.escape(first)}' and '{re.escape(second)}' in .* are the same case")

    @table("reader", [reader for reader in PICTURES if reader.colour])
    def test_grey_photographs_are_refused(self, reader, folder):
        save_image(folder / reader.image)
        refuse(reader, folder, f"{reader.case}: .*{reader.image}' is grey: expected a photograph in colour")

    @MASKS
    def test_a_mask_of_another_size_is_named(self, reader, mask, folder):
        save_mask(folder / mask.path, size=(9, 9))
        said = f"{reader.case}: {mask.key} '{Path(mask.path).name}' is 9x9 pixels, the image 20x16"
        refuse(reader, folder, re.escape(said))

    @MASKS
    def test_truncated_files_are_named(self, reader, mask, folder):
        for name in (mask.path, reader.image):
            truncate(folder / name, (folder / name).stat().st_size // 2)
            refuse(reader, folder, f"{re.escape(Path(name).name)}' is not a readable image")

    @MASKS
    def test_an_empty_mask_is_named_on_request(self, reader, mask, folder):
        save_mask(folder / mask.path, ())
        assert len(reader.read(folder)) == len(reader.cases)
        said = f"{re.escape(Path(mask.path).name)}' is empty: expected something drawn"
        refuse(reader, folder, said, check_content=True)

    @MASKS
    def test_a_mask_of_several_values_is_named_on_request(self, reader, mask, folder):
        save_mask(folder / mask.path, (7, 9))
        assert len(reader.read(folder)) == len(reader.cases)
        said = f"{re.escape(Path(mask.path).name)}' holds the 3 grey values 0, 7, 9: expected 0 and one other"
        refuse(reader, folder, said, check_content=True)

    @table("reader", PICTURES)
    def test_a_sound_folder_passes_the_check_of_its_content(self, reader, folder):
        assert reader.read(folder, check_content=True) == reader.read(folder)


class TestVolumes:
    @table("reader", VOLUMES)
    def test_chosen_subjects_come_in_the_order_asked(self, reader, folder):
        assert [entry["case"] for entry in reader.read(folder, [10, "2", 1])] == [
            reader.cases[index] for index in (2, 1, 0)
        ]
        assert [entry["case"] for entry in reader.read(folder, "10")] == [reader.cases[2]]

    @table("reader", VOLUMES)
    def test_subjects_that_are_not_there_or_asked_for_twice_are_refused(self, reader, folder):
        numbers = [re.split("[-_]", case)[1] for case in reader.cases]
        seventh = "07" if numbers[0] == "01" else "7"
        refuse(reader, folder, re.escape(f"has no subject ['{seventh}']: it holds {numbers}"), subjects=[7])
        refuse(reader, folder, "has no subject .*x'", subjects=["x"])
        refuse(reader, folder, "hold one twice: name each once", subjects=[1, "1"])

    @table("reader", VOLUMES)
    def test_a_label_may_be_missing(self, reader, folder):
        for path in folder.glob(f"**/{Path(reader.files[-1]).name.split('.')[0]}.*"):
            path.unlink()
        [entry] = [entry for entry in reader.read(folder) if entry["case"] == reader.case]
        assert "label" not in entry

    @table("reader", VOLUMES)
    def test_a_missing_image_is_named(self, reader, folder):
        (folder / reader.image).unlink()
        refuse(reader, folder, reader.missing)

    @FILES
    def test_truncated_files_are_named(self, reader, file, folder):
        whole = (folder / file).stat().st_size
        truncate(folder / file, 20)
        words = reader.truncated.format(left=whole - 20, whole=whole)
        refuse(reader, folder, f"{Path(file).name}' {words}")

    @FILES
    def test_damaged_headers_are_named(self, reader, file, folder):
        header = (folder / file).with_suffix(".hdr") if file.endswith(".img") else folder / file
        for content in (header.read_bytes()[:40], b""):
            header.write_bytes(content)
            refuse(reader, folder, f"{header.name}' is not a readable")

    @table("reader", VOLUMES)
    def test_a_label_of_another_shape_is_named(self, reader, folder):
        change(folder / reader.files[-1], lambda voxels, affine: (voxels[:, :, 1:], affine))
        said = f"{reader.case}: label has shape {(*SHAPE[:2], SHAPE[2] - 1)}, T1 has {SHAPE}"
        refuse(reader, folder, re.escape(said))

    @table("reader", VOLUMES)
    def test_a_label_in_another_place_is_named(self, reader, folder):
        change(folder / reader.files[-1], lambda voxels, affine: (voxels, affine @ np.diag([2.0, 2, 2, 1])))
        refuse(reader, folder, f"{reader.case}: the affine of label differs from that of T1")

    @table("reader", VOLUMES)
    def test_unknown_values_of_a_label_are_named(self, reader, folder):
        change(
            folder / reader.files[-1], lambda voxels, affine: (np.where(voxels == voxels.flat[0], 77, voxels), affine)
        )
        refuse(reader, folder, re.escape(f"holds [77], expected only {list(reader.values)}"))


def change(path, how):
    """Save a volume again with other voxels or another affine."""
    image = nib.load(path)
    voxels, affine = how(np.asarray(image.dataobj), image.affine)
    nib.save(type(image)(voxels.astype(image.get_data_dtype()), affine), path)
