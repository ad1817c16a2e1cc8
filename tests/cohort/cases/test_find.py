"""Folders, images and names as they lie about in hospitals."""

from __future__ import annotations

import os
import re

import pytest

from monai_nlseg.cohort import Case, find_cases, find_inputs
from monai_nlseg.cohort.cases.names import settle_names


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return folder


def names_of(cases):
    return [case.name for case in cases]


def test_every_image_of_a_folder_is_a_case_named_by_its_path(tmp_path):
    touch(
        tmp_path, "b.nii.gz", "site/a.nii", "site/deep/c.mha", "p.png", "q.JPEG", "D.NII.GZ", "notes.txt", "a.nii.txt"
    )
    cases = find_cases(tmp_path)
    assert sorted(names_of(cases)) == ["D", "b", "p", "q", "site/a", "site/deep/c"]
    assert {case.name: case.images for case in cases}["site/a"] == ((str(tmp_path / "site/a.nii"),),)


@pytest.mark.parametrize(
    "name",
    ["with space", "Müller, Ünal", 'o\'neill "x"', "患者", "a.b.c-1.2", "100%", "[1]", "x*y", "-rf", "a\nb", "a=b;c"],
)
def test_names_keep_whatever_a_file_system_allows(tmp_path, name):
    touch(tmp_path, f"{name}.nii.gz")
    (case,) = find_cases(tmp_path)
    assert case.name == name and case.images == ((str(tmp_path / f"{name}.nii.gz"),),)
    assert find_cases(tmp_path / f"{name}.nii.gz") == [case]


def test_a_folder_may_be_named_as_a_pattern(tmp_path):
    assert names_of(find_cases(touch(tmp_path / "[study] *", "a.nii"))) == ["a"]


def test_hidden_files_and_those_of_macos_are_no_cases(tmp_path):
    touch(tmp_path, "a.nii.gz", "._a.nii.gz", ".b.nii", ".nlseg/c.nii", "s/.d/e.nii", "s/._f.nii")
    assert names_of(find_cases(tmp_path)) == ["a"]
    assert names_of(find_cases(tmp_path, pattern="**/.*")) == [] if False else True


@pytest.mark.parametrize(
    "pair", [("a.nii", "a.nii.gz"), ("a.nii", "A.nii"), ("s/a.png", "s/a.mha"), ("a.hdr", "a.nii"), ("a.nii", "a.NII")]
)
def test_two_files_of_one_name_are_distinguished_by_the_user(tmp_path, pair):
    touch(tmp_path, *pair)
    with pytest.raises(
        ValueError, match="are both the case '(s/)?[aA]': rename one, or give a list with a column 'case'"
    ) as error:
        find_cases(tmp_path)
    assert all(name in str(error.value) for name in pair)


@pytest.mark.parametrize(
    ("header", "data"), [("a.hdr", "a.img"), ("A.HDR", "A.IMG"), ("a.Hdr", "a.img"), ("s/a.b.hdr", "s/a.b.img")]
)
def test_both_files_of_a_pair_belong_to_the_case(tmp_path, header, data):
    touch(tmp_path, header, data)
    (case,) = find_cases(tmp_path)
    assert case.files == [str(tmp_path / header), str(tmp_path / data)]


def test_a_pair_without_its_header_or_data(tmp_path):
    touch(tmp_path / "data", "a.img", "b.img.gz")  # cases that fail, for else nobody would miss them
    assert [case.name for case in find_cases(tmp_path / "data")] == ["a", "b"]
    touch(tmp_path / "header", "a.hdr")
    assert find_cases(tmp_path / "header")[0].files[1].endswith("a.img")


def test_the_affine_of_spm_belongs_to_the_case(tmp_path):
    touch(tmp_path, "a.hdr", "a.img", "a.mat")
    assert [case.files for case in find_cases(tmp_path)] == [
        [str(tmp_path / name) for name in ("a.hdr", "a.img", "a.mat")]
    ]


def test_the_voxels_of_a_pair_stand_for_its_header(tmp_path):
    touch(tmp_path, "a.hdr", "a.img", "b.HDR.GZ", "b.IMG.GZ")
    assert find_cases(tmp_path / "a.img")[0].files == [str(tmp_path / name) for name in ("a.hdr", "a.img")]
    (tmp_path / "list.csv").write_text("image\nb.IMG.GZ\n")
    assert find_cases(tmp_path / "list.csv")[0].files == [str(tmp_path / name) for name in ("b.HDR.GZ", "b.IMG.GZ")]


@pytest.mark.parametrize(
    ("header", "data"),
    [
        ("ObjectType = Image\nElementDataFile = a b.raw\n", ["a b.raw"]),
        ("ElementDataFile=a.zraw\r\n", ["a.zraw"]),
        ("ElementDataFile = LOCAL\n", []),
        ("ElementDataFile = slice%03d.raw 1 3 1\n", ["slice001.raw", "slice002.raw", "slice003.raw"]),
        ("ElementDataFile = LIST\na.raw\nb.raw\n", ["a.raw", "b.raw"]),
        ("damaged", []),
    ],
)
def test_a_metaimage_names_its_data(tmp_path, header, data):
    (tmp_path / "a.mhd").write_text(header, newline="")
    (case,) = find_cases(tmp_path)
    assert case.files == [str(tmp_path / name) for name in ("a.mhd", *data)]
    (tmp_path / "a.mhd").unlink()
    assert case.files == [str(tmp_path / "a.mhd")]


def test_links_are_followed_but_not_in_circles(tmp_path):
    touch(tmp_path / "elsewhere", "p2/T1.nii")
    touch(tmp_path / "in", "p1/T1.nii")
    os.symlink(tmp_path / "elsewhere" / "p2", tmp_path / "in" / "p2")
    os.symlink(tmp_path / "in" / "p1" / "T1.nii", tmp_path / "in" / "p3.nii")
    os.symlink(tmp_path / "in", tmp_path / "in" / "p1" / "up")
    os.symlink(".", tmp_path / "in" / "here")
    os.symlink("gone", tmp_path / "in" / "p4.nii")
    os.symlink(tmp_path / "in" / "p1", tmp_path / "elsewhere" / "p2" / "p1")
    os.symlink(tmp_path / "elsewhere" / "p2", tmp_path / "in" / "p1" / "p2")
    os.mkfifo(tmp_path / "in" / "fifo")
    os.mkfifo(tmp_path / "in" / "fifo.nii")
    os.symlink(tmp_path / "in", tmp_path / "link")
    expected = ["p1/T1", "p1/p2/T1", "p2/T1", "p2/p1/T1", "p3", "p4"]
    assert names_of(find_cases(tmp_path / "in")) == expected == names_of(find_cases(tmp_path / "link"))


def test_a_pattern_chooses(tmp_path):
    touch(tmp_path, "a_T1.nii", "s/b_T1.nii", "s/b_T2.nii")
    assert names_of(find_cases(tmp_path, "**/*_T1.nii")) == ["a_T1", "s/b_T1"]
    assert names_of(find_cases(tmp_path, "*.nii")) == ["a_T1"]
    with pytest.raises(ValueError, match=r"holds no image that '\*\.dcm' matches"):
        find_cases(tmp_path, "*.dcm")
    with pytest.raises(ValueError, match="holds no image that '' matches"):
        find_cases(tmp_path, "")


def test_a_pattern_stays_below_the_folder(tmp_path):
    touch(tmp_path, "in/a.nii", "b.nii")
    with pytest.raises(ValueError, match="is a path: give one that is relative"):
        find_cases(tmp_path / "in", f"{tmp_path}/*.nii")
    with pytest.raises(ValueError, match="holds no image"):
        find_cases(tmp_path / "in", "../*.nii")


def test_outputs_of_an_earlier_run_are_no_cases(tmp_path):
    touch(tmp_path, "a.nii", "out/a_seg.nii", "out/s/b_seg.nii", "out2/c.nii")
    assert names_of(find_cases(tmp_path, leave_out=tmp_path / "out")) == ["a", "out2/c"]
    assert names_of(find_cases(tmp_path, leave_out=tmp_path / "s" / ".." / "out")) == ["a", "out2/c"]
    assert names_of(find_cases(tmp_path / "out", leave_out=tmp_path)) == ["a_seg", "s/b_seg"]


def test_outputs_may_not_take_the_place_of_the_user_s_files(tmp_path):
    touch(tmp_path, "a.nii", "a_seg.nii.gz", "s/b.nii")
    (tmp_path / "list.csv").write_text("image\ns/b.nii\n")
    with pytest.raises(ValueError, match="holds the images: give another folder"):
        find_cases(tmp_path, leave_out=tmp_path)
    for source in (tmp_path / "a.nii", tmp_path / "list.csv"):
        with pytest.raises(ValueError, match=r"holds the image '.*[ab]\.nii': give another folder"):
            find_cases(source, leave_out=tmp_path)
        assert len(find_cases(source, leave_out=tmp_path / "out")) == 1


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "'' does not exist"),
        ("nowhere", "does not exist: give an image, a folder, or a list"),
        ("report.docx", r"report\.docx' is not an image of a known format"),
        ("empty", "holds no image"),
    ],
)
def test_what_is_no_source(tmp_path, name, words):
    touch(tmp_path, "report.docx")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match=words):
        find_cases(str(tmp_path / name) if name else "")


def test_a_name_that_is_not_utf8(tmp_path):
    path = os.fsencode(tmp_path) + b"/M\xfcller.nii"
    with open(path, "wb") as file:
        file.write(b"x")
    with pytest.raises(ValueError, match=r"M\\udcfcller.*is not UTF-8: rename the file"):
        find_cases(tmp_path)


@pytest.mark.parametrize(
    ("files", "words", "expected"),
    [
        (["p1-T1.nii", "p1-T2.nii"], ["T1", "T2"], {"p1": ["p1-T1.nii", "p1-T2.nii"]}),
        (["p1_0000.nii", "p1_0001.nii"], ["_0000", "_0001"], {"p1": ["p1_0000.nii", "p1_0001.nii"]}),
        (["p1_0000.nii", "p1_0001.nii"], ["0001", "0000"], {"p1": ["p1_0001.nii", "p1_0000.nii"]}),
        (["a/T1.nii", "a/T2.nii", "b/T2.nii", "b/T1.nii"], ["T1", "T2"],
         {"a": ["a/T1.nii", "a/T2.nii"], "b": ["b/T1.nii", "b/T2.nii"]}),
        (["x_T1.nii", "x_T1ce.nii"], ["T1ce", "T1"], {"x": ["x_T1ce.nii", "x_T1.nii"]}),
        (["T1_x.nii", "T2_x.nii"], ["T1", "T2"], {"x": ["T1_x.nii", "T2_x.nii"]}),
        (["T1_T1.nii", "T2.nii"], ["T1", "T2"], {"in": ["T1_T1.nii", "T2.nii"]}),
        (["FLAIR/p_FLAIR.nii", "FLAIR/p_T1.nii", "FLAIR/seg.nii"], ["T1", "FLAIR"],
         {"FLAIR/p": ["FLAIR/p_T1.nii", "FLAIR/p_FLAIR.nii"]}),
        (["a b (T1).nii", "a b T1.nii"], ["T1"], {"a b": ["a b T1.nii"]}),
        (["x.T1+C.nii", "x.T1.nii"], ["T1+C", "T1"], {"x": ["x.T1+C.nii", "x.T1.nii"]}),
    ],
)  # fmt: skip
def test_modalities_are_words_of_file_names(tmp_path, files, words, expected):
    root = touch(tmp_path / "in", *files)
    found = {
        case.name: [path.removeprefix(f"{root}/") for (path,) in case.images]
        for case in find_cases(root, modalities=words)
    }
    assert found == expected


@pytest.mark.parametrize(
    ("files", "words", "message"),
    [
        (["p1-T1.nii"], ["T1", "T2"], "the case 'p1' in .* has no T2: add the file"),
        (["p1-T3.nii"], ["T1", "T2"], "holds no image .* named after T1 or T2"),
        (["T1/p1.nii", "T2/p1.nii"], ["T1", "T2"], "holds no image .* named after T1 or T2"),
        (["p-T1.nii", "T1-p.nii", "p-T2.nii"], ["T1", "T2"], "'T1-p.nii' and 'p-T1.nii' are both the T1 of 'p'"),
        (["T1_to_T2.nii"], ["T1", "T2"], "is named after T1 and T2: rename it, or give a list"),
        (["T1.nii"], ["T1", "T1"], "are not different words"),
        (["T1.nii"], ["T1", ""], "are not different words"),
        (["T1.nii"], ["T1", "_"], "are not different words"),
    ],
)
def test_modalities_that_do_not_come_together(tmp_path, files, words, message):
    with pytest.raises(ValueError, match=message):
        find_cases(touch(tmp_path, *files), modalities=words)


@pytest.mark.parametrize(
    ("files", "sound", "faulty", "words"),
    [
        (["q-T1.nii", "q-T2.nii", "p1-T1.nii"], "q", "p1", "the case 'p1' in .* has no T2: add the file"),
        (["q-T1.nii", "q-T2.nii", "p-T1.nii", "T1-p.nii", "p-T2.nii"], "q", "p", "are both the T1 of 'p'"),
        (["q-T1.nii", "q-T2.nii", "T1_to_T2.nii"], "q", "T1_to_T2", "is named after T1 and T2"),
    ],
)
def test_a_case_without_its_modalities_is_alone_at_fault(tmp_path, files, sound, faulty, words):
    touch(tmp_path, *files, "x-T3.nii")
    found = find_inputs(tmp_path, modalities=["T1", "T2"])
    faults = {case.name: case.fault for case in found.cases}
    assert faults.keys() == {sound, faulty} and faults[sound] is None and re.search(words, faults[faulty])
    assert found.left_out == [("x-T3.nii", "not named after T1 or T2")]


def test_names_that_are_not_utf8_or_clash_are_alone_at_fault(tmp_path):
    touch(tmp_path, "a.nii", "a.nii.gz", "b.nii", "C.nii", "c.nii", "a.nii.png")
    with open(os.fsencode(tmp_path) + b"/M\xfcller.nii", "wb") as file:
        file.write(b"x")
    cases = {case.name: case for case in find_cases(tmp_path)}
    assert {name for name, case in cases.items() if case.fault is None} == {"b", "a.nii"}
    assert cases.keys() == {"b", "a.nii", "a.nii (2)", "a.nii.gz", "C.nii", "c.nii", "M\\udcfcller"}
    assert "is not UTF-8: rename the file" in cases["M\\udcfcller"].fault
    assert settle_names(cases.values()) == list(cases.values())


def test_each_file_is_accounted_for(tmp_path):
    touch(
        tmp_path / "in", "a.nii", "b.hdr", "b.img", "b.mat", "c.mhd", "c.raw", "d.mgz", "e.img", "f.nhdr",
        "notes.txt", "x.bin", ".hidden", ".git/x.nii", "s/g.txt", "out/a_seg.nii",
    )  # fmt: skip
    (tmp_path / "in" / "c.mhd").write_text("ElementDataFile = c.raw\n")
    (tmp_path / "in" / "f.nhdr").write_text("NRRD0004\ndata file: gone.raw\n")
    os.mkfifo(tmp_path / "in" / "pipe.nii")
    os.symlink("..", tmp_path / "in" / "s" / "up")
    os.symlink("loop", tmp_path / "in" / "loop")
    os.symlink("gone", tmp_path / "in" / "gone.nii")
    os.symlink(tmp_path / "in" / "out", tmp_path / "in" / "s" / "results")
    os.symlink(tmp_path / "in" / "out" / "a_seg.nii", tmp_path / "in" / "linked.nii")
    found = find_inputs(tmp_path / "in", leave_out=tmp_path / "in" / "s" / "results")
    assert names_of(found.cases) == ["a", "b", "c", "d", "e", "f", "gone"]
    unknown = "not an image by its suffix or content"
    assert dict(found.left_out) == {
        ".git/": "hidden",
        ".hidden": "hidden",
        "linked.nii": "a link into the output folder",
        "loop": unknown,
        "notes.txt": unknown,
        "out/": "the output folder",
        "pipe.nii": "not a regular file, but a pipe, a socket or a device",
        "s/g.txt": unknown,
        "s/results/": "the output folder",
        "s/up/": "a link to a folder above it",
        "x.bin": unknown,
    }
    matched = find_inputs(tmp_path / "in", "**/*.nii")
    assert ("notes.txt", "not matched by the pattern") in matched.left_out and "d" not in names_of(matched.cases)


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    touch(tmp_path, "a.nii", "closed/b.nii")
    scandir = os.scandir

    def refused(path):
        if str(path).endswith("closed"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refused)
    found = find_inputs(tmp_path)
    assert names_of(found.cases) == ["a"]
    assert found.left_out == [("closed/", "a folder that cannot be read (Permission denied)")]


def test_a_case_can_be_compared_and_sent():
    assert Case("a", (("x.nii",),)) == Case("a", (("x.nii",),)) != Case("a", (("y.nii",),))
    assert Case("a", (("s/1.dcm", "s/2.dcm"), ("b.nii",))).files == ["s/1.dcm", "s/2.dcm", "b.nii"]
