from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from monai_nlseg.data import image_datalist
from monai_nlseg.simulate import simulate_fetal_head, simulate_retina, simulate_ultrasound_nerve
from tests.data.images import save_image, save_mask, truncate


def test_folder_gives_its_images_and_leaves_out_masks_and_other_files(tmp_path):
    for name in ("b.png", "sub/a.JPG", "sub/c.tif", "d.bmp"):
        save_image(tmp_path / name, "RGB" if name.startswith("sub") else "L")
    for name in ("b_mask.png", "b_mask_1.png", "sub/a_Annotation.png", "b_seg.png"):
        save_mask(tmp_path / name)
    (tmp_path / "table.csv").write_text("1")
    (tmp_path / ".hidden.png").write_text("1")
    datalist = image_datalist(tmp_path)
    assert [entry["case"] for entry in datalist] == ["b", "d", "sub/a", "sub/c"]
    assert datalist[2]["image"] == str(tmp_path / "sub" / "a.JPG")
    chosen = image_datalist(tmp_path, "*.png", exclude="b")
    assert [entry["case"] for entry in chosen] == ["b_mask", "b_mask_1", "b_seg"]


@pytest.mark.parametrize(
    ("simulate", "expected"),
    [
        (lambda folder: simulate_retina(folder, 2, "chasedb1", size=(64, 60)), ["Image_01L", "Image_01R"]),
        (
            lambda folder: simulate_retina(folder, 2, "drive", size=(64, 60)),
            ["test/images/01_test", "training/images/21_training"],
        ),
        (lambda folder: simulate_fetal_head(folder, 1, size=(64, 60)), ["training_set/000_HC"]),
        (lambda folder: simulate_ultrasound_nerve(folder, 1, size=(64, 60)), ["train/1_1"]),
    ],
)
def test_masks_of_the_data_sets_and_results_are_no_images(tmp_path, simulate, expected):
    simulate(tmp_path)
    for case in expected:
        save_mask(tmp_path / f"{case}_seg.png")
        save_image(tmp_path / f"{case}_prob.png")
    assert [entry["case"] for entry in image_datalist(tmp_path)] == expected


def test_hidden_folders_are_left_out_but_the_folder_itself_may_be_hidden(tmp_path):
    root = tmp_path / ".cache" / "scans ü"
    for name in ("a.png", ".ipynb_checkpoints/a-checkpoint.png", "sub/.trash/b.png", "sub/._c.png"):
        save_image(root / name)
    assert [entry["case"] for entry in image_datalist(root)] == ["a"]


def test_one_file_is_a_datalist_too(tmp_path):
    save_image(tmp_path / "a_mask.png")
    assert image_datalist(tmp_path / "a_mask.png") == [{"case": "a_mask", "image": str(tmp_path / "a_mask.png")}]


def test_two_files_of_one_case_are_refused(tmp_path):
    save_image(tmp_path / "a.png")
    save_image(tmp_path / "a.bmp")
    with pytest.raises(ValueError, match="are both case 'a', one result would replace the other"):
        image_datalist(tmp_path)


def test_pictures_of_sixteen_bits_are_images_too(tmp_path):
    Image.fromarray(np.full((4, 5), 40000, np.uint16)).save(tmp_path / "deep.png")
    assert [entry["case"] for entry in image_datalist(tmp_path)] == ["deep"]


def test_pages_are_refused(tmp_path):
    page = Image.fromarray(np.zeros((4, 5), np.uint8))
    page.save(tmp_path / "a.tif", save_all=True, append_images=[page])
    with pytest.raises(ValueError, match="a.tif' holds 2 pages: give one image per file"):
        image_datalist(tmp_path)


def test_folder_without_images_is_refused(tmp_path):
    (tmp_path / "a.txt").write_text("1")
    with pytest.raises(ValueError, match=r"holds no image that matches '\*\*/\*': give another folder or pattern"):
        image_datalist(tmp_path)
    with pytest.raises(ValueError, match="nowhere"):
        image_datalist(tmp_path / "nowhere")


def test_damaged_image_is_named(tmp_path):
    save_image(tmp_path / "a.png")
    truncate(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"a\.png' is not a readable image"):
        image_datalist(tmp_path)
