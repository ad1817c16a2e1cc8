"""Lists: tables, MONAI's datalists and the Medical Segmentation Decathlon."""

from __future__ import annotations

import json

import pytest

from monai_nlseg.training.cases.find import find_data
from tests.training.cases.folder import pairs, touch, write_json


def table(folder, *lines, name="cases.csv"):
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("\n".join(lines))
    return folder / name


def test_a_table_names_cases_subjects_parts_and_folds(tmp_path):
    touch(tmp_path, "a.png", "a_gt.png", "b.png", "b_gt.png")
    rows = ["one,a.png,a_gt.png,P,val,", "two,b.png,b_gt.png,Q,,3"]
    data = find_data(table(tmp_path, "case,image,label,subject,split,fold", *rows))
    assert data.layout == "table" and data.channels == ()
    assert [(c.name, c.subject, c.part, c.fold) for c in data.cases] == [
        ("one", "P", "validation", None),
        ("two", "Q", None, 3),
    ]
    assert pairs(data, tmp_path)["one"] == (["a.png"], ["a_gt.png"])


@pytest.mark.parametrize(
    ("head", "channels", "names"),
    [
        ("image_T1,image_FLAIR,mask", (), ("T1", "FLAIR")),
        ("T1,FLAIR,label", (), ("T1", "FLAIR")),
        ("T1,FLAIR,label", ("FLAIR",), ()),
        ("image_T1,image_FLAIR,label", ("FLAIR", "T1"), ("FLAIR", "T1")),
    ],
)
def test_columns_are_channels(tmp_path, head, channels, names):
    touch(tmp_path, "t.nii", "f.nii", "l.nii")
    data = find_data(table(tmp_path, f"{head};site".replace(",", ";"), "t.nii;f.nii;l.nii;7"), channels=channels)
    assert data.channels == names
    files = {"T1": "t.nii", "FLAIR": "f.nii"}
    ((images, labels),) = pairs(data, tmp_path).values()
    assert images == [files[name] for name in names or channels] and labels == ["l.nii"]


def test_cases_without_a_name_are_named_by_their_paths_below_the_folder_they_share(tmp_path):
    touch(tmp_path, "far/p1/image.nii", "far/p1/label.nii", "far/p2/image.nii", "far/p2/label.nii", "lists/x")
    rows = [f"{tmp_path}/far/p1/image.nii\t../far/p1/label.nii", "../far/p2/image.nii\t../far/p2/label.nii"]
    data = find_data(table(tmp_path / "lists", "image\tlabel", *rows, name="cases.tsv"))
    assert [case.name for case in data.cases] == ["p1", "p2"]


def test_json_lines_hold_lists_of_channels_and_of_masks(tmp_path):
    touch(tmp_path, "t.nii", "f.nii", "l.nii", "m.nii")
    path = table(tmp_path, json.dumps({"image": ["t.nii", "f.nii"], "label": ["l.nii", "m.nii"]}), name="x.jsonl")
    assert pairs(find_data(path), tmp_path) == {"t": (["t.nii", "f.nii"], ["l.nii", "m.nii"])}


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (",b_gt.png,,", "row 2 has no image"),
        ("b.png,,,", "row 2 has no label map: give a path"),
        ("missing.png,b_gt.png,,", "missing.png' does not exist"),
        ("b.png,missing.png,,", "missing.png' does not exist"),
        ("b.png,b_gt.png,holdout,", "is of the part 'holdout': give training, validation or test"),
        ("b.png,b_gt.png,,-1", "is of the fold '-1': give a whole number from 0"),
        ("empty.png,b_gt.png,,", "empty.png' is empty"),
        ("folder,b_gt.png,,", "folder' is a folder, not a regular file"),
        ("s3://bucket/b.png,b_gt.png,,", "training reads local files"),
        ("b.png,b.png,,", "b.png' is its image and its label map"),
        ("a.png,a_gt.png,,", None),
    ],
)
def test_a_row_that_cannot_be_used_is_left_out_with_its_reason(tmp_path, row, sentence):
    touch(tmp_path, "a.png", "a_gt.png", "b.png", "b_gt.png", "folder/x")
    (tmp_path / "empty.png").write_bytes(b"")
    data = find_data(table(tmp_path, "image,label,part,fold", "a.png,a_gt.png,,", row))
    assert [case.name for case in data.cases] == ["a"]
    assert (sentence or "has the same image as 'a', and is used once") in data.left_out[0]


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        (["x,a.png,a_gt.png", "y,a.png,b_gt.png"], "a.png' is listed twice, as the cases 'x' and 'y', with different"),
        (["x,a.png,a_gt.png", "y,b.png,a_gt.png"], "a_gt.png' is listed for the case 'x' and for 'y'"),
        (["x,a.png,a_gt.png", "x,b.png,b_gt.png"], "are both the case 'x': rename one, or give a list"),
        (["x,a.png,a_gt.png", "X,b.png,b_gt.png"], "are both the case 'X'"),
        (["../x,a.png,a_gt.png"], "leads out of the output folder"),
        (["/x,a.png,a_gt.png"], "leads out of the output folder"),
        (["x\0,a.png,a_gt.png"], "leads out of the output folder"),
        (["x,a\0.png,a_gt.png"], "holds the character NUL"),
    ],
)
def test_a_list_that_contradicts_itself_is_refused(tmp_path, rows, sentence):
    touch(tmp_path, "a.png", "a_gt.png", "b.png", "b_gt.png")
    with pytest.raises(ValueError, match=sentence):
        find_data(table(tmp_path, "case,image,label", *rows))


def test_a_channel_of_two_cases_is_refused(tmp_path):
    touch(tmp_path, "t.nii", "f.nii", "g.nii", "l.nii", "m.nii")
    path = table(tmp_path, "case,T1,FLAIR,label", "x,t.nii,f.nii,l.nii", "y,t.nii,g.nii,m.nii")
    with pytest.raises(ValueError, match=r"t\.nii' is listed for the case 'x' and for 'y'"):
        find_data(path)


def test_a_channel_that_the_first_row_lacks_is_a_channel(tmp_path):
    touch(tmp_path, "t.nii", "f.nii", "g.nii", "l.nii", "m.nii")
    data = find_data(table(tmp_path, "T1,FLAIR,label,fold", "t.nii,,l.nii,", "f.nii,g.nii,m.nii,1.0"))
    assert data.channels == ("T1", "FLAIR") and [(case.name, case.fold) for case in data.cases] == [("f", 1)]
    assert "row 1 has no image ('FLAIR'): give a path" in data.left_out[0]


@pytest.mark.parametrize("column", ["subject", "Patient_ID", "participant"])
def test_a_column_of_subjects_is_taken_without_asking(tmp_path, column):
    touch(tmp_path, *(f"{name}{end}.png" for name in "ab" for end in ("", "_gt")))
    data = find_data(table(tmp_path, f"image,label,{column}", "a.png,a_gt.png,P1", "b.png,b_gt.png,P1"))
    assert [case.subject for case in data.cases] == ["P1", "P1"]


def test_a_table_of_a_spreadsheet_on_windows_is_read(tmp_path):
    touch(tmp_path, "scans/a b.png", "masks/a b.png")
    path = tmp_path / "cases.csv"
    path.write_bytes('\ufeffImage;Label\r\n"scans\\a b.png";masks\\a b.png\r\n'.encode())
    assert pairs(find_data(path), tmp_path) == {"a b": (["scans/a b.png"], ["masks/a b.png"])}


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (["filename,pixel size(mm)", "a.png,1"], "has the columns filename, pixel size.*label maps 'label'"),
        (["picture,label", "x,a.png"], "name the column of the images 'image'"),
        (["image,label"], "holds no rows"),
        ([""], "holds no rows"),
    ],
)
def test_a_table_without_the_columns_is_refused(tmp_path, lines, sentence):
    with pytest.raises(ValueError, match=sentence):
        find_data(table(tmp_path, *lines))


def test_channels_that_are_no_columns_are_refused(tmp_path):
    with pytest.raises(ValueError, match="has no column 'T2', only T1, label"):
        find_data(table(tmp_path, "T1,label", "a.nii,b.nii"), channels=("T2",))


def test_a_datalist_keeps_parts_and_folds(tmp_path):
    touch(tmp_path / "data", *(f"{name}{end}.nii" for name in "abc" for end in ("", "_seg")))
    content = {
        "labels": {"0": "background", "10": "CSF"},
        "modality": {"0": "MR"},
        "training": [{"image": "a.nii", "label": "a_seg.nii", "fold": 1}],
        "validation": [{"image": ["b.nii"], "label": "b_seg.nii"}],
        "testing": [{"image": "c.nii", "label": "c_seg.nii"}, {"image": "d.nii"}, "e.nii", 7],
    }
    path = write_json(tmp_path / "list.json", content)
    data = find_data(path, root=tmp_path / "data")
    assert data.layout == "MONAI datalist" and data.channels == ("MR",)
    assert [(c.name, c.part, c.fold) for c in data.cases] == [
        ("a", "training", 1),
        ("b", "validation", None),
        ("c", "test", None),
    ]
    assert data.classes.foreground[0].values == (10,)
    assert data.left_out == (
        f"'{path}', testing, entry 4 is 7: give an image and a label.",
        f"'{path}', testing: images without a label are not used, 2 in all.",
    )
    with pytest.raises(ValueError, match="a.nii' does not exist"):
        find_data(path)


def test_a_plain_json_list_is_a_datalist(tmp_path):
    touch(tmp_path, "a.png", "a_gt.png")
    path = write_json(tmp_path / "list.json", [{"image": "a.png", "label": "a_gt.png"}])
    assert pairs(find_data(path), tmp_path) == {"a": (["a.png"], ["a_gt.png"])}


@pytest.mark.parametrize("content", [{}, {"training": {}}, 7, "text"])
def test_json_without_a_list_is_refused(tmp_path, content):
    with pytest.raises(ValueError, match="holds no list of cases"):
        find_data(write_json(tmp_path / "list.json", content))


def test_the_decathlon_is_read_without_the_hidden_files_of_macos(tmp_path):
    folder = tmp_path / "Task01_Brain"
    about = {
        "modality": {"0": "FLAIR", "1": "T1"},
        "labels": {"0": "background", "1": "edema"},
        "training": [{"image": "./imagesTr/B_1.nii.gz", "label": "./labelsTr/B_1.nii.gz"}],
        "test": ["./imagesTs/B_9.nii.gz"],
    }
    write_json(folder / "dataset.json", about)
    touch(folder, "imagesTr/B_1.nii.gz", "labelsTr/B_1.nii.gz", "labelsTr/._B_1.nii.gz", "labelsTr/B_2.nii.gz")
    data = find_data(tmp_path)
    assert data.layout == "Medical Segmentation Decathlon" and data.channels == ("FLAIR", "T1")
    assert pairs(data, folder) == {"B_1": (["imagesTr/B_1.nii.gz"], ["labelsTr/B_1.nii.gz"])}
    assert [case.part for case in data.cases] == ["training"]
    assert "images without a label are not used, 1 in all" in data.left_out[0]
    assert "._B_1.nii.gz" in data.left_out[1]
    assert data.left_out[2] == "label map 'labelsTr/B_2.nii.gz' is not listed in dataset.json."
    assert find_data(folder / "dataset.json").cases == data.cases
