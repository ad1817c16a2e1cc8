from __future__ import annotations

import json

import pytest

from monai_nlseg.data import channel_datalist, fold_datalist


def test_one_fold_is_held_out(tmp_path):
    file = tmp_path / "list.json"
    entries = [{"case": f"c{i}", "image": [f"a{i}", "/b"], "label": f"l{i}", "fold": i % 3} for i in range(6)]
    file.write_text(json.dumps({"training": entries, "test": [{"image": "t"}]}))
    held = fold_datalist(file, 1, "validation")
    assert [entry["case"] for entry in held] == ["c1", "c4"]
    assert held[0]["image"] == [str(tmp_path / "a1"), "/b"] and held[0]["label"] == str(tmp_path / "l1")
    assert [entry["case"] for entry in fold_datalist(file, 1, "training")] == ["c0", "c2", "c3", "c5"]
    with pytest.raises(ValueError, match=r"has no fold 3: choose from \[0, 1, 2\]"):
        fold_datalist(file, 3, "training")


@pytest.mark.parametrize("text", ["[]", '{"training": [{"image": "a"}]}', '{"validation": []}'])
def test_another_form_is_refused(text, tmp_path):
    file = tmp_path / "list.json"
    file.write_text(text)
    with pytest.raises(ValueError, match="has no list 'training' of entries with a 'fold'"):
        fold_datalist(file, 0, "training")


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(ValueError, match="datalist '.*none.json' cannot be read .*: give --datalist_file"):
        fold_datalist(tmp_path / "none.json", 0, "training")


def test_files_of_one_image_are_named_by_numbers(tmp_path):
    for name in ("sub/a_0000.nii.gz", "sub/a_0001.nii.gz", "b_0001.nii", "b_0000.nii", "b_seg.nii", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    first, second = channel_datalist(tmp_path, 2)
    assert first == {"case": "b", "image": [str(tmp_path / "b_0000.nii"), str(tmp_path / "b_0001.nii")]}
    assert second["case"] == "sub/a"
    with pytest.raises(ValueError, match=r"case 'b' in .* has the files .*: expected NAME_0000, ... NAME_0002"):
        channel_datalist(tmp_path, 3)
    assert [entry["case"] for entry in channel_datalist(tmp_path, 1, "*.nii")] == ["b_0000", "b_0001"]


def test_a_folder_without_images_is_refused(tmp_path):
    with pytest.raises(ValueError, match="holds no image that"):
        channel_datalist(tmp_path, 2)
