"""Lists as spreadsheets, scripts and hands write them."""

from __future__ import annotations

import json

import pytest

from monai_nlseg.cohort import find_cases
from monai_nlseg.cohort.case_list import read_list

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


def test_modalities_have_the_order_of_the_first_entry(root):
    rows = [{"T1": "a.nii", "T2": "b.nii", "case": 0}, {"case": "q", "T2": "s/b.nii", "T1": "s/a.nii"}]
    expected = {"0": ["a.nii", "b.nii"], "q": ["s/a.nii", "s/b.nii"]}
    assert cases_of(root, "l.json", json.dumps(rows)) == expected
    assert cases_of(root, "l.jsonl", "\r\n".join(map(json.dumps, rows)) + "\n\n") == expected


def test_a_line_of_json_ends_where_a_line_ends(root):
    """Not at other separators that Python's splitlines knows."""
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
        ("l.csv", "image,image\na.nii,b.nii\n", "two columns of one name"),
        ("l.csv", "T1,T2\na.nii\n", "case 1 has not the columns of the first line"),
        ("l.csv", "T1\na.nii\nb.nii,s/b.nii\n", "case 2 has not the columns of the first line"),
        ("l.csv", "T1,T2\na.nii,\n", "case 1 lacks the path of an image"),
        ("l.csv", "T1,T2\na.nii,b.nii\n,\n", "case 2 lacks the path of an image"),
        ("l.csv", 'T1\n"a.nii\n', "cannot be read as a list .*: give a table or JSON in UTF-8"),
        ("l.csv", "image\nü.nii\n".encode("latin-1"), "cannot be read as a list .*: give a table or JSON in UTF-8"),
        ("l.csv", "image\na.nii\n".encode("utf-16"), "cannot be read as a list .*: give a table or JSON in UTF-8"),
        ("l.csv", "image\nnowhere.nii\n", r"case 1: '.*nowhere.nii' does not exist: correct the list"),
        ("l.csv", "image\na\0.nii\n", "does not exist|cannot be read"),
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
        ("l.json", "7", "is no list of cases"),
        ("l.json", '"a.nii"', "is no list of cases"),
        ("l.json", "{}", "is no list of cases: expected a JSON list, or one under the key 'testing'"),
        ("l.json", '{"testing": {"image": "a.nii"}}', "is no list of cases"),
        ("l.json", "[7]", "case 1 is 7: expected a path"),
        ("l.json", "[null]", "case 1 is None: expected a path"),
        ("l.json", '[{"case": "p"}]', "case 1 lacks the path"),
        ("l.json", "[[]]", "case 1 lacks the path"),
        ("l.json", '[["a.nii", 3]]', "case 1 lacks the path"),
        ("l.json", '[{"image": {"path": "a.nii"}}]', "case 1 lacks the path"),
        ("l.json", '[{"T1": "a.nii", "T2": "b.nii"}, {"T1": "s/a.nii"}]', "case 2 has .*: give the same for each"),
        ("l.jsonl", '"a.nii"\n{"image": "b.n', "line 2 is no JSON .*: correct the list"),
        ("l.jsonl", '\n\n"a.nii"\nb.nii\n', "line 4 is no JSON"),
    ],
)  # fmt: skip
def test_damaged_lists_are_refused_in_a_sentence(root, name, content, words):
    with pytest.raises(ValueError, match=words) as told:
        cases_of(root, name, content)
    assert "\n" not in str(told.value) and str(told.value).endswith(".")


def test_a_list_that_is_not_there(tmp_path):
    (tmp_path / "folder.csv").mkdir()
    for name in ("nowhere.json", "folder.csv"):
        with pytest.raises(ValueError, match="cannot be read as a list"):
            read_list(str(tmp_path / name))
