"""What is no data set, and names as they lie about."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from monai_nlseg.training.cases.find import LAYOUTS, find_data
from monai_nlseg.training.cases.found import LayoutError
from tests.training.cases.folder import pairs, touch


def test_an_unknown_folder_is_described_and_all_layouts_are_shown(tmp_path):
    touch(tmp_path, "notes.txt", "scan.nii.gz")
    with pytest.raises(LayoutError) as caught:
        find_data(tmp_path)
    assert "no label map belongs to the image" in caught.value.sentence and "looked for 'scan'" in caught.value.sentence
    assert "--channels t1,flair" in caught.value.tree and caught.value.sentence.count("\n") == 0
    for layout in LAYOUTS.values():
        assert layout.title in caught.value.tree and layout.tree.splitlines()[-1] in caught.value.tree
    assert str(caught.value) == f"{caught.value.sentence}\n{caught.value.tree}"


@pytest.mark.parametrize(
    ("made", "sentence"),
    [
        (None, "cannot be opened .No such file or directory."),
        ((), "is empty"),
        (("a.txt", "b.txt"), "holds a.txt, b.txt"),
        (("a.dcm",), "convert the series to NIfTI"),
    ],
)
def test_a_folder_without_images_says_what_it_holds(tmp_path, made, sentence):
    folder = tmp_path / "data"
    if made is not None:
        folder.mkdir()
        touch(folder, *made)
    with pytest.raises(ValueError, match=sentence):
        find_data(folder)


def test_a_single_image_is_no_data_set(tmp_path):
    with pytest.raises(LayoutError, match=r"a\.nii' is not laid out as any known data set: it is a file"):
        find_data(touch(tmp_path, "a.nii") / "a.nii")


def test_a_layout_that_is_asked_for_is_the_only_one_that_is_shown(tmp_path):
    with pytest.raises(LayoutError, match="is not laid out as BIDS is") as caught:
        find_data(touch(tmp_path, "a.nii", "a_seg.nii"), layout="bids")
    assert "participants.tsv" in caught.value.tree and "imagesTr" not in caught.value.tree


@pytest.mark.parametrize("source", ["", "a\0b", None])
def test_what_is_no_path_is_refused(source):
    with pytest.raises(ValueError, match="give"):
        find_data(source)


def test_images_below_a_folder_that_ends_nowhere(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(ValueError, match="cannot be opened"):
        find_data(tmp_path / "loop")
    (tmp_path / "data").mkdir()
    (tmp_path / "data/gone.nii").symlink_to(tmp_path / "gone.nii")
    data = find_data(touch(tmp_path / "data", "gone_seg.nii", "a.nii", "a_seg.nii"))
    assert [case.name for case in data.cases] == ["a"] and "gone.nii' does not exist" in data.left_out[0]


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_files_and_folders_without_permission_are_named(tmp_path):
    touch(tmp_path, "a.nii", "a_seg.nii", "b.nii", "b_seg.nii", "closed/c.nii")
    (tmp_path / "b.nii").chmod(0)
    (tmp_path / "closed").chmod(0)
    try:
        data = find_data(tmp_path)
        with pytest.raises(ValueError, match="Permission denied"):
            find_data(tmp_path / "closed")
    finally:
        (tmp_path / "closed").chmod(0o700)
    assert [case.name for case in data.cases] == ["a"]
    assert "b.nii' cannot be read" in data.left_out[0] and "closed/" in data.left_out[1]


def test_files_that_the_system_does_not_open_are_named(tmp_path, monkeypatch):
    touch(tmp_path, "a.nii", "a_seg.nii", "b.nii", "b_seg.nii")
    monkeypatch.setattr(os, "access", lambda path, mode: not str(path).endswith("b.nii"))
    data = find_data(tmp_path)
    assert [case.name for case in data.cases] == ["a"] and "b.nii' cannot be read" in data.left_out[0]


@pytest.mark.parametrize("call", [{}, {"layout": "nnunet"}, {"images": "a/*.png", "labels": "b/*.png"}])
def test_a_folder_that_nobody_may_read_is_named(tmp_path, monkeypatch, call):
    (tmp_path / "a").mkdir()

    def denied(path, *args):
        raise PermissionError(13, "Permission denied", str(tmp_path / "a"))

    for name in ("iterdir", "glob", "rglob"):  # the superuser may read everything
        monkeypatch.setattr(Path, name, denied)
    with pytest.raises(ValueError, match=r"/a' cannot be read \(Permission denied\): correct its permissions"):
        find_data(tmp_path, **call)


def test_names_that_are_not_utf8_are_left_out(tmp_path):
    touch(tmp_path, "a.nii", "a_seg.nii")
    for name in (b"\xfc.nii", b"\xfc_seg.nii"):
        with open(os.fsencode(tmp_path) + b"/" + name, "wb") as file:
            file.write(b"x")
    data = find_data(tmp_path)
    assert [case.name for case in data.cases] == ["a"]
    assert "is not UTF-8: rename the file" in data.left_out[0]
    "".join(data.left_out).encode()  # can be printed and written


@pytest.mark.parametrize("name", ["with space", "Müller, Ünal", "患者", "a.b.c-1.2", "100%", "[1]", "-rf", "a=b;c"])
def test_names_keep_what_a_file_system_allows(tmp_path, name):
    touch(tmp_path, f"{name}.nii.gz", f"{name}_seg.nii.gz")
    assert pairs(find_data(tmp_path), tmp_path) == {name: ([f"{name}.nii.gz"], [f"{name}_seg.nii.gz"])}


def test_a_link_to_an_image_is_not_a_second_image(tmp_path):
    touch(tmp_path, "a.nii", "a_seg.nii", "b_seg.nii")
    (tmp_path / "b.nii").symlink_to(tmp_path / "a.nii")
    with pytest.raises(ValueError, match="is listed twice, as the cases 'a' and 'b', with different label maps"):
        find_data(tmp_path)


def test_classes_that_are_given_replace_those_of_the_data_set(tmp_path):
    touch(tmp_path, "a.nii", "a_seg.nii")
    classes = find_data(tmp_path, classes={"CSF": (4, 5, 14), "cortex": [3, 42]}).classes
    assert [(each.name, each.values) for each in classes.foreground] == [("CSF", (4, 5, 14)), ("cortex", (3, 42))]
    assert not classes.overlapping and classes.painted == ()


def test_paths_are_absolute(tmp_path, monkeypatch):
    touch(tmp_path, "d/a.nii", "d/a_seg.nii")
    monkeypatch.chdir(tmp_path)
    (case,) = find_data("d").cases
    assert case.images == (str(tmp_path / "d/a.nii"),) and case.labels == (str(tmp_path / "d/a_seg.nii"),)
