from __future__ import annotations

import logging

import pytest

from monai_nlseg.data import ultrasound_nerve_datalist, ultrasound_nerve_split, ultrasound_nerve_test_datalist
from monai_nlseg.data.ultrasound_nerve import contradicting_negatives
from tests.data.images import save_image, save_mask
from tests.data.readers import NERVE_NEGATIVES, NERVE_POSITIVES, RUNS, write_nerve, write_nerve_table


@pytest.fixture
def folder(tmp_path):
    write_nerve(tmp_path, table=False)
    return tmp_path


@pytest.mark.parametrize("table", [False, True])
def test_layout(folder, table):
    if table:
        write_nerve_table(folder)
    datalist = ultrasound_nerve_datalist(folder, check_content=True)
    assert [entry["positive"] for entry in datalist] == [True, False, True, True, False]
    assert datalist[2] == {
        "case": "1_10",
        "image": str(folder / "train" / "1_10.tif"),
        "label": str(folder / "train" / "1_10_mask.tif"),
        "subject": "1",
        "positive": True,
    }
    assert [entry["case"] for entry in ultrasound_nerve_datalist(folder, [2])] == ["2_1", "2_2"]
    assert ultrasound_nerve_datalist(folder, ["2", 1])[0]["case"] == "2_1"


def test_table_spares_reading_the_masks(folder, monkeypatch):
    write_nerve_table(folder)
    monkeypatch.setattr("monai_nlseg.data.ultrasound_nerve.read_mask", None)
    assert len(ultrasound_nerve_datalist(folder)) == 5


def test_test_half(folder):
    datalist = ultrasound_nerve_test_datalist(folder, check_content=True)
    assert [entry["case"] for entry in datalist] == ["1", "9", "10"]
    assert datalist[0] == {"case": "1", "image": str(folder / "test" / "1.tif")}
    save_image(folder / "test" / "1_1.tif")
    with pytest.raises(ValueError, match="1_1.tif' has an unknown name: expected 1.tif, 2.tif"):
        ultrasound_nerve_test_datalist(folder)
    with pytest.raises(ValueError, match="test' is not a directory: give the folder with the files 1.tif"):
        ultrasound_nerve_test_datalist(folder / "train")


def test_negatives_with_the_pixels_of_a_positive(folder, caplog):
    save_image(folder / "train" / "1_2.tif", seed=1)  # of 1_10, the same subject
    save_image(folder / "train" / "2_2.tif", seed=0)  # of 1_1, another subject
    datalist = ultrasound_nerve_datalist(folder)
    assert contradicting_negatives(datalist) == {"1_2": "1_10"}
    with caplog.at_level(logging.INFO, "monai_nlseg"):
        kept = ultrasound_nerve_datalist(folder, drop_contradictions=True)
    assert kept == [entry for entry in datalist if entry["case"] != "1_2"]
    assert "left out 1 negative images" in caplog.text and "1_2 (pixels of 1_10)" in caplog.text


def test_negatives_alike_and_positives_alike_do_not_contradict(folder):
    save_image(folder / "train" / "1_10.tif", seed=0)
    save_image(folder / "train" / "1_3.tif", seed=3)  # as 1_2
    save_mask(folder / "train" / "1_3_mask.tif", ())
    assert contradicting_negatives(ultrasound_nerve_datalist(folder)) == {}
    assert len(ultrasound_nerve_datalist(folder, drop_contradictions=True)) == 6


@pytest.mark.parametrize(
    ("cases", "values", "words"),
    [(("1_1",), (128, 255), "holds the 3 grey values 0, 128, 255"), (NERVE_POSITIVES, (), "holds no positive image")],
)
def test_masks_are_read_where_there_is_no_table(folder, cases, values, words):
    for case in cases:
        save_mask(folder / "train" / f"{case}_mask.tif", values)
    with pytest.raises(ValueError, match=words):
        ultrasound_nerve_datalist(folder)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"cases": NERVE_POSITIVES}, r"has no row of 2 images \(1_2, 2_2\)"),
        ({"cases": NERVE_POSITIVES + NERVE_NEGATIVES + ("1_1",)}, "has two rows of image 1_1"),
        ({"runs": "51 1 67"}, "line 2 is damaged: expected subject,img,run lengths"),
        ({"runs": "five"}, "line 2 is damaged"),
        ({"header": "subject,image,mask"}, r"has the columns \['subject', 'image', 'mask'\]: expected subject, img"),
        ({"runs": "52 1 67 1 83 1 99 1 115 1"}, "1_1: train_masks.csv and .*1_1_mask.tif' differ"),
        ({"runs": "51 1 67 1 83 1 99 1"}, "1_1: train_masks.csv and .* differ"),
        ({"runs": "1 999999999"}, "1_1: in train_masks.csv, the run-length code goes to pixel 999999999, an image of"),
        ({"runs": "1 9999999999"}, "line 2 is damaged"),
        ({"runs": ""}, "1_1_mask.tif' is not empty"),
    ],
)
def test_damaged_tables(folder, table, words):
    save_mask(folder / "train" / "1_2_mask.tif", ())
    write_nerve_table(folder, **table)
    if table == {"runs": ""}:
        table_path = folder / "train_masks.csv"
        table_path.write_text(table_path.read_text().replace("2,1,\n", f"2,1,{RUNS}\n"))
    with pytest.raises(ValueError, match=words):
        ultrasound_nerve_datalist(folder, check_content=True)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: b"\xef\xbb\xbf" + content,
        lambda content: content.replace(b"\n", b"\r\n"),
        lambda content: content.replace(b"\n", b"\n\n"),
        lambda content: b"\n".join([content.splitlines()[0], *reversed(content.splitlines()[1:])]),
        lambda content: b"\n".join(b'"' + line.replace(b",", b'","') + b'"' for line in content.splitlines()),
    ],
    ids=["byte order mark", "CRLF", "empty lines", "unsorted", "quoted"],
)
def test_tables_of_other_programs(folder, change):
    write_nerve_table(folder)
    table = folder / "train_masks.csv"
    expected = ultrasound_nerve_datalist(folder)
    table.write_bytes(change(table.read_bytes()))
    assert ultrasound_nerve_datalist(folder, check_content=True) == expected


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda content: b"", r"has the columns \[\]: expected subject, img, pixels"),
        (lambda content: content.decode().encode("utf-16"), "cannot be read as a table .*: restore it, as text"),
        (lambda content: content.replace(b"1,1,", b'1,1,"') + b"1 1 " * 40000, "cannot be read as a table"),
        (lambda content: content + b"\0\0", "cannot be read as a table|line 7 is damaged"),
        (lambda content: content.replace(b"1,2,", b"1,2,,"), "line 5 is damaged"),
    ],
    ids=["empty", "UTF-16", "open quote", "zero bytes", "four cells"],
)
def test_files_that_are_no_tables(folder, change, words):
    write_nerve_table(folder)
    table = folder / "train_masks.csv"
    table.write_bytes(change(table.read_bytes()))
    with pytest.raises(ValueError, match=f"train_masks.csv'.*({words})"):
        ultrasound_nerve_datalist(folder)


def test_subjects_are_asked_for_once_and_a_single_one_as_text(folder):
    assert [entry["case"] for entry in ultrasound_nerve_datalist(folder, "2")] == ["2_1", "2_2"]
    with pytest.raises(ValueError, match=r"no subject \['12'\]"):
        ultrasound_nerve_datalist(folder, "12")
    with pytest.raises(ValueError, match=r"subjects \['1', '2', '1'\] hold one twice: name each once"):
        ultrasound_nerve_datalist(folder, [1, 2, "1"])


def test_a_warning_counts_the_rows_without_an_image(folder, caplog):
    write_nerve_table(folder, NERVE_POSITIVES + NERVE_NEGATIVES + ("9_9",))
    assert len(ultrasound_nerve_datalist(folder)) == 5
    assert "has 1 rows without an image in train" in caplog.text


def test_subjects_that_are_not_there_are_refused(folder):
    with pytest.raises(ValueError, match=r"no subject \['7'\]: it holds \['1', '2'\]"):
        ultrasound_nerve_datalist(folder, [7])


def test_split_by_image_has_the_published_sizes():
    """2,323 positives and 3,312 negatives of 47 patients."""
    datalist = [{"case": str(n), "subject": str(n % 47), "positive": n < 2323} for n in range(5635)]
    train, validation = ultrasound_nerve_split(datalist)
    assert (len(train), len(validation)) == (4508, 1127)
    assert sum(case["positive"] for case in validation) == 465
    assert ultrasound_nerve_split(datalist, seed=1) != [train, validation]


def test_split_by_patient_shares_none():
    datalist = [{"case": str(n), "subject": str(n % 10), "positive": n % 3 == 0} for n in range(200)]
    train, validation = ultrasound_nerve_split(datalist, "patient")
    assert {case["subject"] for case in train}.isdisjoint(case["subject"] for case in validation)
    assert (len(train), len(validation)) == (160, 40)
    with pytest.raises(ValueError, match="split_by 'subject' is unknown: choose 'image' or 'patient'"):
        ultrasound_nerve_split(datalist, "subject")
