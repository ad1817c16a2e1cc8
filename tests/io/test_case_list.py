"""Lists as spreadsheets, scripts and hands write them."""

from __future__ import annotations

import json
import os
import re

import pytest
from monai.data import load_decathlon_datalist

from monai_nlseg.cohort import find_cases, find_inputs
from monai_nlseg.io.case_list import read_list

FILES = ("a.nii", "b.nii", "s/a.nii", "s/b.nii", "with, comma.nii", "ü.nii")


@pytest.fixture
def root(tmp_path):
    for name in FILES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def cases_of(root, name, content):
    path = root / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return {case.name: [file.removeprefix(f"{root}/") for (file,) in case.images] for case in find_cases(path)}


@pytest.mark.parametrize(
    "text",
    [
        "case,T1,T2\np,a.nii,b.nii\nq,s/a.nii,s/b.nii\n",
        "\ufeffcase,T1,T2\r\np,a.nii,b.nii\r\n\r\nq,s/a.nii,s/b.nii\r\n",
        "T1,T2,case\na.nii,b.nii,p\ns/a.nii,s/b.nii,q",
        'case;T1;T2\n"p";"a.nii";b.nii\nq;s/a.nii;s/b.nii\n',
        "case\tT1\tT2\tlabel\np\ta.nii\tb.nii\tx\n q \ts/a.nii\ts/b.nii\t\n",
    ],
)
def test_tables(root, text):
    assert cases_of(root, "list.csv", text) == {"p": ["a.nii", "b.nii"], "q": ["s/a.nii", "s/b.nii"]}


def test_quoted_and_foreign_names(root):
    found = cases_of(root, "LIST.CSV", 'image\n"with, comma.nii"\nü.nii\n')
    assert found == {"with, comma": ["with, comma.nii"], "ü": ["ü.nii"]}


def test_without_a_name_the_path_below_the_list_is_it(root):
    assert cases_of(root, "l.csv", "case,image\n,s/a.nii\n  ,./s//b.nii\n") == {"s/a": ["s/a.nii"], "s/b": ["s/b.nii"]}
    assert list(cases_of(root, "l.csv", f"image\n{root}/s/a.nii\n")) == ["a"]
    (root / "lists").mkdir()
    assert list(cases_of(root / "lists", "l.csv", "image\n../s/b.nii\n")) == ["b"]


@pytest.mark.parametrize(
    "value",
    [
        ["a.nii", "s/b.nii"],
        [{"image": "a.nii", "label": 3}, {"image": "s/b.nii", "case": None}],
        {"testing": [["a.nii"], "s/b.nii"], "training": 7},
        {"testing": [{"image": ["./a.nii"]}, {"image": "./s/b.nii"}]},
    ],
)
def test_json(root, value):
    assert cases_of(root, "l.json", json.dumps(value)) == {"a": ["a.nii"], "s/b": ["s/b.nii"]}


DECATHLON = {
    "name": "BRATS",
    "tensorImageSize": "4D",
    "modality": {"0": "FLAIR", "1": "T1w", "2": "t1gd", "3": "T2w"},
    "labels": {"0": "background", "1": "edema"},
    "numTraining": 2,
    "numTest": 1,
    "training": [
        {"image": f"./imagesTr/BRATS_{number}.nii.gz", "label": f"./labelsTr/BRATS_{number}.nii.gz"}
        for number in ("457", "306")
    ],
    "test": ["./imagesTs/BRATS_467.nii.gz"],
}
"""The ``dataset.json`` of a task of the Medical Segmentation Decathlon, with fewer images."""


@pytest.fixture
def task(tmp_path):
    for name in ("imagesTr/BRATS_457", "imagesTr/BRATS_306", "imagesTs/BRATS_467"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.nii.gz").write_bytes(b"x")
    (tmp_path / "dataset.json").write_text(json.dumps(DECATHLON))
    return tmp_path / "dataset.json"


def test_the_decathlons_list_is_read_as_it_is(task):
    (case,) = find_cases(task)
    assert case.name == "imagesTs/BRATS_467"
    assert [case.name for case in find_cases(task, data_list_key="training")] == [
        "imagesTr/BRATS_457",
        "imagesTr/BRATS_306",
    ]


@pytest.mark.parametrize("key", ["test", "training"])
def test_the_images_are_those_that_monai_reads(task, key):
    images = [entry["image"] for entry in load_decathlon_datalist(task, data_list_key=key)]
    assert [os.path.normpath(case.files[0]) for case in find_cases(task, data_list_key=key)] == images


@pytest.mark.parametrize(
    ("value", "key", "expected"),
    [
        ({"training": ["a.nii"]}, None, "a"),
        ({"validation": ["a.nii"]}, None, "a"),
        ({"training": [{"fold": 0, "image": "a.nii", "label": "l"}], "testing": [{"image": "b.nii"}]}, None, "b"),
        ({"training": [{"fold": 0, "image": "a.nii", "label": "l"}], "testing": []}, "training", "a"),
        ({"fold_3": ["a.nii"]}, "fold_3", "a"),
    ],
)
def test_a_list_among_several(root, value, key, expected):
    (root / "l.json").write_text(json.dumps(value))
    assert [case.name for case in find_cases(root / "l.json", data_list_key=key)] == [expected]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("l.json", '{"test": ["a.nii"]}', "has no key 'training': choose one of test"),
        ("l.json", '["a.nii"]', "holds one list, so the key 'training' chooses nothing"),
        ("l.json", '{"training": "a.nii"}', "holds no list of cases under the key 'training'"),
        ("l.csv", "image\na.nii\n", "leave the key out"),
        ("l.jsonl", '"a.nii"', "leave the key out"),
        ("a.nii", "x", "is not a list in JSON: leave the key 'training' out"),
    ],
)
def test_a_key_that_chooses_nothing_is_refused(root, name, content, words):
    (root / name).write_text(content)
    with pytest.raises(ValueError, match=words):
        find_cases(root / name, data_list_key="training")


def test_what_nnunet_writes_instead_is_explained(root):
    described = {"channel_names": {"0": "T1"}, "labels": {"background": 0}, "numTraining": 3, "file_ending": ".nii.gz"}
    (root / "dataset.json").write_text(json.dumps(described))
    with pytest.raises(ValueError, match="data set of nnU-Net and lists no images: give the folder .* --modalities"):
        find_cases(root / "dataset.json")
    (root / "p_0000.nii.gz").write_bytes(b"x")
    (root / "dataset.json").write_text(json.dumps({"test": ["./p.nii.gz"]}))  # as its first version lists them
    with pytest.raises(ValueError, match="p.nii.gz' does not exist: give the folder '.*' with --modalities _0000"):
        find_cases(root / "dataset.json")


def test_modalities_have_the_order_of_the_first_entry(root):
    rows = [{"T1": "a.nii", "T2": "b.nii", "case": 0}, {"case": "q", "T2": "s/b.nii", "T1": "s/a.nii"}]
    expected = {"0": ["a.nii", "b.nii"], "q": ["s/a.nii", "s/b.nii"]}
    assert cases_of(root, "l.json", json.dumps(rows)) == expected
    assert cases_of(root, "l.jsonl", "\r\n".join(map(json.dumps, rows)) + "\n\n") == expected


def test_a_line_of_json_ends_where_a_line_ends(root):
    """Other separators that Python's splitlines knows do not end it."""
    assert list(cases_of(root, "l.jsonl", '{"case": "x\u2028\u0085y", "image": "a.nii"}\n')) == ["x\u2028\u0085y"]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("l.csv", "", "lists no case"),
        ("l.csv", "\n\n", "lists no case"),
        ("l.csv", "image\n", "lists no case"),
        ("l.csv", "image\n\n\n", "lists no case"),
        ("l.csv", "a.nii\nb.nii\n", r"begins with \['a.nii'\]: let its first line name the columns"),
        ("l.csv", "s/a\ns/b\n", "begins with"),
        ("l.csv", "image,image\na.nii,b.nii\n", "two columns with the same name"),
        ("l.csv", "T1,T2\na.nii\n", "case 1 does not have the columns of the first line"),
        ("l.csv", "T1\na.nii\nb.nii,s/b.nii\n", "case 2 does not have the columns of the first line"),
        ("l.csv", "T1,T2\na.nii,\n", "case 1 lacks the path of an image"),
        ("l.csv", 'T1\n"a.nii\n', "cannot be read as a list .*: give a table or JSON in UTF-8"),
        ("l.csv", "image\nü.nii\n".encode("latin-1"), "cannot be read as a list .*: give a table or JSON in UTF-8"),
        ("l.csv", "image\na.nii\n".encode("utf-16"), "cannot be read as a list .*: give a table or JSON in UTF-8"),
        ("l.csv", "image\nnowhere.nii\n", r"case 1: '.*nowhere.nii' does not exist: correct the list"),
        ("l.csv", "image\na\0.nii\n", "does not exist|cannot be read|has the name"),
        ("l.csv", "case,image\np,a.nii\np,b.nii\n", "a.nii' and '.*b.nii' are both the case 'p'"),
        ("l.csv", "case,image\np,a.nii\n./P,b.nii\n", "are both the case 'P'"),
        ("l.csv", "case,image\n../p,a.nii\n", r"the name '\.\./p' leads out of the output folder"),
        ("l.csv", "case,image\n/tmp/p,a.nii\n", "leads out of the output folder"),
        ("l.csv", "case,image\nx/../../p,a.nii\n", "leads out of the output folder"),
        ("l.csv", "case,image\n.,a.nii\n", "leads out of the output folder"),
        ("l.csv", "image\ns3://bucket/a.nii\n", "'s3://bucket/a.nii' cannot be reached .*s3fs.*: give a path"),
        ("l.csv", "image\nmemory://nowhere/a.nii\n", "'memory://nowhere/a.nii' does not exist"),
        ("l.json", "", "cannot be read as a list"),
        ("l.json", "[", "cannot be read as a list"),
        ("l.json", "[" * 200_000, "cannot be read as a list"),
        ("l.json", "[]", "lists no case"),
        ("l.json", "7", "holds no list of cases"),
        ("l.json", '"a.nii"', "holds no list of cases"),
        ("l.json", "{}", "holds no list of cases: expected a JSON list, or one under a key such as 'testing'"),
        ("l.json", '{"testing": {"image": "a.nii"}}', "holds no list of cases under the key 'testing'"),
        ("l.json", '{"testing": []}', "lists no case"),
        ("l.json", '{"test": [], "testing": ["a.nii"]}', "several lists .*: choose one of test, testing by"),
        ("l.json", '{"training": ["a.nii"], "validation": ["b.nii"]}', "choose one of training, validation by"),
        ("l.json", '{"mine": ["a.nii"], "other": ["b.nii"]}', r"choose one of mine, other by .*\(--data-list-key\)"),
        ("l.json", "[7]", "case 1 is 7: expected a path"),
        ("l.json", "[null]", "case 1 is None: expected a path"),
        ("l.json", '[{"case": "p"}]', "case 1 lacks the path"),
        ("l.json", "[[]]", "case 1 lacks the path"),
        ("l.json", '[["a.nii", 3]]', "case 1 lacks the path"),
        ("l.json", '[{"image": {"path": "a.nii"}}]', "case 1 lacks the path"),
        ("l.jsonl", '"a.nii"\n{"image": "b.n', "line 2 is not JSON .*: correct the list"),
        ("l.jsonl", '\n\n"a.nii"\nb.nii\n', "line 4 is not JSON"),
    ],
)  # fmt: skip
def test_damaged_lists_are_refused_in_a_sentence(root, name, content, words):
    with pytest.raises(ValueError, match=words) as refusal:
        cases_of(root, name, content)
    assert "\n" not in str(refusal.value) and str(refusal.value).endswith(".")


@pytest.mark.parametrize(
    ("name", "content", "faulty", "words"),
    [
        ("l.csv", "T1,T2\na.nii,b.nii\n,\n", "case 2", "case 2 lacks the path of an image"),
        ("l.csv", "T1,T2\na.nii,b.nii\na.nii,\n", "case 2", "case 2 lacks the path of an image"),
        ("l.csv", "image\na.nii\nnowhere.nii\n", "nowhere", "case 2: '.*nowhere.nii' does not exist: correct the list"),
        ("l.csv", "image\nnowhere.nii\na.nii\n", "nowhere", "case 1: '.*nowhere.nii' does not exist"),
        ("l.csv", "image\na.nii\ns\n", "s", "'.*s' holds 0 DICOM series: give a folder with one"),
        ("l.csv", "image\na.nii\npipe.nii\n", "pipe", "'.*pipe.nii' is not a regular file"),
        ("l.csv", "case,image\nq,a.nii\n../p,b.nii\n", "../p", "leads out of the output folder"),
        ("l.csv", "case,image\nq,a.nii\n/tmp/p,b.nii\n", "/tmp/p", "leads out of the output folder"),
        ("l.json", '[{"T1": "a.nii", "T2": "b.nii"}, {"T1": "s/a.nii"}]', "case 2", "case 2 has .*: give the same for"),
        ("l.json", '["a.nii", 7]', "case 2", "case 2 is 7: expected a path"),
        ("l.json", '["a.nii", {"image": ["b.nii", 3]}]', "case 2", "case 2 lacks the path"),
        ("l.json", '["a.nii", {"image": "b\\ud800.nii"}]', "b\\ud800", "does not exist"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_one_entry_is_its_fault_alone(root, name, content, faulty, words):
    os.mkfifo(root / "pipe.nii")
    (root / name).write_text(content)
    cases = find_cases(root / name)
    assert len(cases) == 2
    [fault] = [case for case in cases if case.fault is not None]
    assert fault.name == faulty and re.search(words, fault.fault) and fault.fault.endswith(".")


def test_cases_of_one_name_are_both_at_fault(root):
    (root / "l.csv").write_text("case,image\np,a.nii\nq,s/a.nii\nP,b.nii\np,s/b.nii\n")
    cases = {case.name: case.fault for case in find_cases(root / "l.csv")}
    assert list(cases) == ["p.nii", "q", "P.nii", "p.nii (2)"] and cases["q"] is None
    assert all("are both the case" in fault for name, fault in cases.items() if name != "q")


def test_a_case_that_is_listed_twice_is_one(root):
    (root / "l.csv").write_text("case,image\np,a.nii\nq,b.nii\np,./a.nii\n")
    found = find_inputs(root / "l.csv")
    assert [(case.name, case.fault) for case in found.cases] == [("p", None), ("q", None)]
    assert found.left_out == [("3: p", "listed before, with the same files")]


def test_names_that_were_escaped_in_a_table_are_read_back(root):
    (root / "-2+3.nii").write_bytes(b"x")
    (root / "l.csv").write_text("case,image\n'=1+1,'-2+3.nii\n")
    [case] = find_cases(root / "l.csv")
    assert (case.name, case.fault) == ("=1+1", None) and case.files == [str(root / "-2+3.nii")]


def test_a_list_that_is_not_there(tmp_path):
    (tmp_path / "folder.csv").mkdir()
    for name in ("nowhere.json", "folder.csv"):
        with pytest.raises(ValueError, match="cannot be read as a list"):
            read_list(str(tmp_path / name))
