"""Folders of images and label maps, and patterns."""

from __future__ import annotations

import pytest

from monai_nlseg.training.cases.find import find_data
from tests.training.cases.folder import pairs, touch


@pytest.mark.parametrize(
    ("files", "name"),
    [
        (["images/a.png", "labels/a.png"], "a"),
        (["images/a.png", "masks/a_mask.png"], "a"),
        (["img/site/a.png", "gt/site/a_gt.png"], "site/a"),
        (["a.png", "a_mask.png"], "a"),
        (["a.NII.GZ", "a_seg.nii.gz"], "a"),
        (["a.hdr", "a.img", "a-label.hdr", "a-label.img"], "a"),
        (["case1/image.nii.gz", "case1/label.nii.gz"], "case1"),
        (["a_image.nrrd", "a_label.nrrd"], "a"),
        (["benign/benign (1).png", "benign/benign (1)_mask.png"], "benign/benign (1)"),
    ],
)
def test_images_and_label_maps_of_one_name_are_a_case(tmp_path, files, name):
    data = find_data(touch(tmp_path, *files, f"{'x' if len(files) < 4 else 'y'}/readme.txt"))
    wanted = [file for file in files if not file.endswith(".img")]
    assert pairs(data, tmp_path) == {name: (wanted[:1], wanted[1:])} and data.left_out == ()


def test_a_folder_for_each_case_names_it(tmp_path):
    touch(tmp_path, *(f"IBSR_{n}/IBSR_{n}{end}.nii.gz" for n in ("01", "03") for end in ("", "_seg")))
    assert [case.name for case in find_data(tmp_path).cases] == ["IBSR_01", "IBSR_03"]


def test_several_masks_of_an_image_are_one_label(tmp_path):
    folder = touch(tmp_path, "b (1).png", "b (1)_mask.png", "b (1)_mask_1.png", "b (10).png", "b (10)_mask.png")
    assert pairs(find_data(folder), folder) == {
        "b (1)": (["b (1).png"], ["b (1)_mask.png", "b (1)_mask_1.png"]),
        "b (10)": (["b (10).png"], ["b (10)_mask.png"]),
    }


def test_two_kinds_of_label_maps_of_a_case_are_not_merged(tmp_path):
    data = find_data(touch(tmp_path, "a.nii", "a_seg.nii", "a_mask.nii", "b.nii", "b_seg.nii"))
    assert [case.name for case in data.cases] == ["b"]
    assert "case 'a' has several label maps" in data.left_out[0] and "looked for 'a'" in data.left_out[1]


def test_label_maps_in_two_kinds_of_folders_are_chosen_by_the_user(tmp_path):
    drive = [
        "training/images/21_training.tif",
        "training/1st_manual/21_manual1.gif",
        "training/mask/21_training_mask.gif",
    ]
    touch(tmp_path, *drive)
    with pytest.raises(ValueError, match="label maps of several kinds, .*1st_manual.*choose by patterns"):
        find_data(tmp_path)


def test_predictions_are_no_label_maps(tmp_path):
    data = find_data(touch(tmp_path, "a.nii", "a_seg.nii", "b.nii", "b_pred.nii"))
    assert [case.name for case in data.cases] == ["a"]
    assert data.left_out[0] == "'b_pred.nii' is a prediction by its name, and is not used as a label map."


def test_what_does_not_pair_is_said_with_what_was_looked_for(tmp_path):
    data = find_data(touch(tmp_path, "images/a.png", "labels/a.png", "images/b.png", "labels/c.png"))
    image, label = tmp_path / "images/b.png", tmp_path / "labels/c.png"
    assert data.left_out == (
        f"no label map belongs to the image '{image}': looked for 'b', also with _mask, _seg and so on.",
        f"no image belongs to the label map '{label}': looked for 'c'.",
    )


def test_an_error_shows_an_image_and_a_label_map(tmp_path):
    touch(tmp_path, "img/img01.nii", "img/img02.nii", "label/label01.nii", "label/label02.nii")
    with pytest.raises(ValueError, match="looked for 'img01', .*label02.nii': looked for 'label02'") as caught:
        find_data(tmp_path)
    assert "img02" not in str(caught.value)


def test_an_image_that_fits_two_label_maps_is_left_out(tmp_path):
    touch(tmp_path, "images/a.png", "labels/x/a.png", "labels/y/a.png", "images/b.png", "labels/b.png")
    data = find_data(tmp_path)
    assert [case.name for case in data.cases] == ["b"]
    assert "can belong to any of" in data.left_out[0]


def test_two_images_of_one_name_are_left_out(tmp_path):
    data = find_data(touch(tmp_path, "images/a.png", "images/a.jpg", "labels/a.png", "images/b.png", "labels/b.png"))
    assert [case.name for case in data.cases] == ["b"]
    assert "'images/a.jpg', 'images/a.png'" in data.left_out[0] and "are all the image of case 'a'" in data.left_out[0]


def test_folders_name_the_parts(tmp_path):
    touch(tmp_path, *(f"{part}/{kind}/a.png" for part in ("train", "val", "test") for kind in ("images", "masks")))
    assert {case.name: case.part for case in find_data(tmp_path).cases} == {
        "train/a": "training",
        "val/a": "validation",
        "test/a": "test",
    }


def test_channels_are_words_of_the_names(tmp_path):
    touch(tmp_path, *(f"p{n}/p{n}_{what}.nii.gz" for n in (1, 2) for what in ("t1", "flair", "seg")), "p2/p2_t2.nii.gz")
    touch(tmp_path, "p3/p3_t1.nii.gz", "p3/p3_seg.nii.gz")
    data = find_data(tmp_path, channels=("flair", "t1"))
    assert data.channels == ("flair", "t1")
    assert pairs(data, tmp_path) == {
        f"p{n}": ([f"p{n}/p{n}_flair.nii.gz", f"p{n}/p{n}_t1.nii.gz"], [f"p{n}/p{n}_seg.nii.gz"]) for n in (1, 2)
    }
    assert any("has no flair" in each for each in data.left_out)
    assert any("'p2/p2_t2.nii.gz'" in each and "no channel of flair, t1" in each for each in data.left_out)


def test_hidden_files_and_lone_voxels_and_dicom_are_named(tmp_path):
    data = find_data(touch(tmp_path, "a.nii", "a_seg.nii", "._a.nii", "lone.img", "d.dcm"))
    assert [case.name for case in data.cases] == ["a"]
    assert "'lone.img'" in data.left_out[0] and "no header 'lone.hdr'" in data.left_out[0]
    assert "hidden files" in data.left_out[1] and "._a.nii" in data.left_out[1]
    assert "convert the series to NIfTI" in data.left_out[2]


def test_a_header_without_its_voxels_is_left_out(tmp_path):
    data = find_data(touch(tmp_path, "a.nii", "a_seg.nii", "b.hdr", "b_seg.nii"))
    assert [case.name for case in data.cases] == ["a"]
    assert "b.img' does not exist" in data.left_out[0]


def test_links_are_followed_but_not_in_circles(tmp_path):
    touch(tmp_path / "data", "a.nii", "a_seg.nii")
    touch(tmp_path / "far", "b.nii", "b_seg.nii")
    (tmp_path / "data/far").symlink_to(tmp_path / "far")
    (tmp_path / "far/back").symlink_to(tmp_path / "data")
    data = find_data(tmp_path / "data")
    assert [case.name for case in data.cases] == ["a", "far/b"]
    assert "a link to a folder above it" in data.left_out[0]


@pytest.mark.parametrize(
    ("files", "images", "labels", "found"),
    [
        (["c/I_01L.jpg", "c/I_01L_1stHO.png", "c/I_01L_2ndHO.png"], "c/*.jpg", "c/*_1stHO.png", {"I_01L": ([0], [1])}),
        (["i/img01.nii", "l/label01.nii"], "i/img*.nii", "l/label*.nii", {"01": ([0], [1])}),
        (["d/p1/t1.nii", "d/p1/gt.nii"], "d/*/t1.nii", "d/*/gt.nii", {"p1": ([0], [1])}),
        (["d/x.png", "d/x_lesion.png", "d/x_lesion_1.png"], "d/*.png", "d/*_lesion*.png", {"x": ([0], [1, 2])}),
        (["d/1_a.png", "d/1_a_gt.png", "d/1_b_gt.png"], "d/*.png", "d/*_gt.png", {"1_a": ([0], [1])}),
        (["d/x.png", "d/x_mask.png", "d/x_mask_1.png"], "d/*.png", "d/*_mask*.png", {"x": ([0], [1, 2])}),
        (["i/x.png", "l/x.png"], "i", "l", {"x": ([0], [1])}),
        (["i/s/x.png", "l/x_seg.png"], "i/**/*.png", "l/*.png", {"s/x": ([0], [1])}),
    ],
)
def test_patterns_choose_images_and_label_maps(tmp_path, files, images, labels, found):
    touch(tmp_path, *files)
    data = find_data(images=tmp_path / images, labels=tmp_path / labels)
    assert pairs(data, tmp_path) == {
        name: ([files[n] for n in ours], [files[n] for n in theirs]) for name, (ours, theirs) in found.items()
    }
    assert find_data(tmp_path, images=images, labels=labels).cases == data.cases


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"images": "i/*.png"}, "give images and labels together"),
        ({"images": "i/*.png", "labels": "l/*.png", "layout": "folders"}, "neither a layout nor a root"),
        ({"images": "i/*.jpg", "labels": "l/*.png"}, r"i/\*\.jpg' of the images matches no image"),
        ({"images": "l/*.png", "labels": "l/*.png"}, "matches only what .* matches too"),
        ({"images": "i/*.png", "labels": "l/none"}, "is not a directory"),
        ({"layout": "dicom"}, "the layout 'dicom' is unknown: choose one of nnunet,"),
        ({"root": "/"}, "is not a list"),
    ],
)
def test_arguments_that_do_not_fit_are_refused(tmp_path, arguments, sentence):
    touch(tmp_path, "i/a.png", "l/a.png")
    with pytest.raises(ValueError, match=sentence):
        find_data(tmp_path, **arguments)


@pytest.mark.parametrize("names", [("liver/a.png", "spleen/a.png"), ("a_gt.png", "a_seg.png")])
def test_masks_of_several_classes_are_not_merged(tmp_path, names):
    touch(tmp_path, "images/a.png", *(f"masks/{name}" for name in names))
    with pytest.raises(ValueError, match="masks of several classes, first merge those of a case into one label map"):
        find_data(tmp_path)
