"""`nlseg evaluate` as a user types it: what it prints, writes and exits with."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from PIL import Image
from scipy import stats

from monai_nlseg import cli
from monai_nlseg.evaluation import DEFAULT_METRICS
from tests.data.images import SHARED
from tests.evaluation.cohorts import TOY_DICE, TOY_LABEL, TOY_PREDICTION, cohort, save, tissues
from tests.forked import run_module

NAMES = "1=CSF,2=GM,3=WM"


def evaluate(predictions, labels, output, *options):
    """Run the command in this process and read what it wrote."""
    arguments = ["--pred", predictions, "--label", labels, "--output", output, "--jobs", 1, *options]
    try:
        cli.app(["evaluate", *map(str, arguments)], standalone_mode=False)
        problem = None
    except ValueError as error:
        problem = str(error)
    with (output / "cases.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return rows, json.loads((output / "summary.json").read_text()), problem


def test_a_cohort_in_processes(tmp_path):
    predictions, labels = cohort(tmp_path, 3)
    result = run_module(
        "monai_nlseg.cli", "evaluate", "--pred", predictions, "--label", labels, "--classes", NAMES,
        "--output", tmp_path / "out", "--jobs", 2,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert result.stderr == "" and "GM" in result.stdout and "surface_dice" in result.stdout
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == ["cases.csv", "metrics.png", "summary.json"]
    assert Image.open(tmp_path / "out" / "metrics.png").size[0] > 500
    rows, summary, _ = evaluate(predictions, labels, tmp_path / "serial", "--classes", NAMES)
    assert (tmp_path / "out" / "cases.csv").read_text() == (tmp_path / "serial" / "cases.csv").read_text()
    assert json.loads((tmp_path / "out" / "summary.json").read_text()) == summary
    assert [(row["case"], row["class"]) for row in rows[:4]] == [
        ("case0", "CSF"), ("case0", "GM"), ("case0", "WM"), ("case1", "CSF"),
    ]  # fmt: skip
    assert list(rows[0]) == ["case", "class", "state", "box", *DEFAULT_METRICS, "message"]


def test_the_table_holds_the_metrics_and_the_summary_their_mean(tmp_path):
    rows, summary, problem = evaluate(*cohort(tmp_path), tmp_path / "out", "--metrics", "dice,mhd", "--classes", NAMES)
    assert problem is None and summary["problems"] == [] and summary["distance_units"] == ["mm"]
    truth, dice = tissues(0), []
    for number in range(4):
        found = tissues(number + 1)
        overlap = np.sum((found == 2) & (truth == 2))
        dice.append(2 * overlap / (np.sum(found == 2) + np.sum(truth == 2)))
    assert [float(row["dice"]) for row in rows if row["class"] == "GM"] == pytest.approx(dice)
    gray = summary["classes"]["GM"]["metrics"]["dice"]
    assert gray["n"] == 4 and gray["mean"] == pytest.approx(np.mean(dice))
    assert gray["std"] == pytest.approx(np.std(dice, ddof=1))
    assert gray["ci95"][0] < gray["mean"] < gray["ci95"][1]
    assert {row["box"] for row in rows} == {"0:8,0:9,0:10"}
    assert summary["settings"]["classes"] == {"CSF": [1], "GM": [2], "WM": [3]}


def test_what_does_not_pair_or_fit_is_named_and_the_rest_measured(tmp_path, capsys):
    predictions, labels = cohort(tmp_path, 5)
    (predictions / "case0_seg.nii.gz").write_bytes((predictions / "case1_seg.nii.gz").read_bytes()[:100])
    save(predictions / "case1_seg.nii.gz", tissues(2), np.diag([1.0, 2.0, 1.6, 1.0]))
    save(predictions / "case2_seg.nii.gz", tissues(3) * 3)
    (predictions / "case3_seg.nii.gz").rename(predictions / "lost_seg.nii.gz")
    rows, summary, problem = evaluate(predictions, labels, tmp_path / "out", "--classes", NAMES)
    assert "5 files, cases or tables could not be used" in problem and "; the rest was measured." in problem
    printed = capsys.readouterr().out
    for words in (
        "prediction '{}' has no label map of case 'lost'".format(predictions / "lost_seg.nii.gz"),
        "label map '{}' has no prediction of case 'case3'".format(labels / "case3.nii.gz"),
        "case 'case0' failed: ",
        "case 'case1' failed: the affines of ",
        "case 'case2' failed: '{}' holds the label values [6, 9]".format(predictions / "case2_seg.nii.gz"),
    ):
        assert words in printed and any(line.startswith(words) for line in summary["problems"])
    assert [row["case"] for row in rows if row["state"] == "failed"] == ["case0", "case1", "case2"]
    assert "case0_seg.nii.gz" in rows[0]["message"] and rows[0]["class"] == rows[0]["dice"] == ""
    assert [row["class"] for row in rows if row["case"] == "case4"] == ["CSF", "GM", "WM"]
    cases = summary["cases"]
    assert (cases["paired"], cases["measured"], cases["failed"]) == (4, 1, 3)
    assert list(cases["without_label"]) == ["lost"] and list(cases["without_prediction"]) == ["case3"]
    assert summary["classes"]["GM"]["metrics"]["dice"]["n"] == 1


def test_nothing_measured_still_writes(tmp_path):
    predictions, labels = cohort(tmp_path, 1)
    evaluate(predictions, labels, tmp_path / "out")
    assert (tmp_path / "out" / "metrics.png").exists()
    (predictions / "case0_seg.nii.gz").write_text("no image")
    rows, summary, problem = evaluate(predictions, labels, tmp_path / "out")
    assert (
        problem.startswith("1 file, case or table could not be used")
        and problem.endswith("; nothing was measured.")
        and len(rows) == 1
        and summary["classes"] == {}
    )
    assert not (tmp_path / "out" / "metrics.png").exists()


def test_images(tmp_path):
    for number, suffix in enumerate(("png", "tif", "bmp")):
        for folder, mask in (("p", TOY_PREDICTION), ("l", TOY_LABEL)):
            path = tmp_path / folder / (f"{number}.{suffix}" if folder == "p" else f"{number}_mask.png")
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(mask[2] * 255).save(path)
    rows, summary, problem = evaluate(tmp_path / "p", tmp_path / "l", tmp_path / "out")
    assert problem is None and [row["class"] for row in rows] == ["255"] * 3
    a, b = TOY_PREDICTION[2], TOY_LABEL[2]
    assert float(rows[0]["dice"]) == pytest.approx(2 * np.sum(a & b) / (a.sum() + b.sum()))
    assert all(np.isfinite(float(row[metric])) for row in rows for metric in DEFAULT_METRICS)
    assert summary["distance_units"] == ["pixel"]


def picture(path, pixels, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)


def test_masks_of_any_two_values_are_one_class(tmp_path, capsys):
    """Bilevel, 0/1 and 0/255, PNG and JPEG, one of them empty: the same masks have the same Dice."""
    truth, found = (np.kron(volume[2], np.ones((16, 16), np.uint8)) for volume in (TOY_LABEL, TOY_PREDICTION))
    dice = 2 * np.sum(truth & found) / (truth.sum() + found.sum())
    picture(tmp_path / "l/bilevel.png", truth.astype(bool))
    picture(tmp_path / "l/numbers.png", truth)
    picture(tmp_path / "l/empty.png", truth * 0)
    picture(tmp_path / "l/grey.jpg", truth * np.uint8(255))
    picture(tmp_path / "p/bilevel_seg.png", found * np.uint8(255))
    picture(tmp_path / "p/numbers_seg.jpg", found * np.uint8(127), quality=90)
    picture(tmp_path / "p/empty_seg.jpg", found * 0)
    picture(tmp_path / "p/grey_seg.png", found)
    picture(tmp_path / "p/grey_probabilities.png", (found * 200 + 17).astype(np.uint8))
    rows, summary, problem = evaluate(tmp_path / "p", tmp_path / "l", tmp_path / "out", "--metrics", "dice")
    assert problem is None and {row["class"] for row in rows} == {"foreground"}
    assert {row["case"]: (row["state"], round(float(row["dice"]), 6)) for row in rows} == {
        "empty": ("absent", 1.0), **dict.fromkeys(("bilevel", "grey", "numbers"), ("found", round(dice, 6)))
    }  # fmt: skip
    assert summary["settings"]["classes"] == {"foreground": [1, 255]}
    warning, empty = summary["warnings"]
    assert (
        warning.startswith("the masks hold the values 1 and 255, ") and f"warning: {warning}" in capsys.readouterr().out
    )


def test_a_case_that_is_not_measured_has_its_reason(tmp_path, capsys):
    """A mask of 0/1 that JPEG has lost, and two sessions of which one has a label map."""
    mask = np.kron(TOY_LABEL[2], np.ones((8, 8), np.uint8))
    for folder in ("p", "l"):
        picture(tmp_path / folder / "lost.jpg", mask, quality=100)
        picture(tmp_path / folder / "good.png", mask)
    for session in (1, 2):
        picture(tmp_path / "p" / f"sub-1_ses-{session}_T1w_seg.png", mask)
    picture(tmp_path / "l" / "sub-1_dseg.png", mask)
    rows, summary, problem = evaluate(tmp_path / "p", tmp_path / "l", tmp_path / "out", "--metrics", "dice")
    assert problem.startswith("4 files, cases or tables could not be used")
    assert {row["case"]: row["state"] for row in rows} == {"good": "found", "lost": "failed"}
    lost, *sessions = summary["problems"]
    assert "lost.jpg' is a JPEG of grey values from 0 to" in lost
    assert sum("is not measured, because by its name it can belong to" in each for each in sessions) == 3
    assert len(summary["cases"]["ambiguous"]) == 3
    printed = capsys.readouterr().out
    assert all(each in printed for each in summary["problems"])


def test_where_nothing_can_be_read_each_case_has_its_reason(tmp_path):
    for folder in ("p", "l"):
        picture(tmp_path / folder / "a.jpg", TOY_LABEL[2], quality=100)
    rows, summary, problem = evaluate(tmp_path / "p", tmp_path / "l", tmp_path / "out")
    assert problem.endswith("nothing was measured.") and "is a JPEG of grey values from 0 to" in rows[0]["message"]
    assert list(summary["cases"]["failures"]) == ["a"]


def test_where_no_name_is_clear_each_file_is_named(tmp_path):
    for name in ("p/1.png", "l/a/1.png", "l/b/1.png"):
        picture(tmp_path / name, TOY_LABEL[2])
    rows, summary, problem = evaluate(tmp_path / "p", tmp_path / "l", tmp_path / "out")
    assert problem.endswith("nothing was measured.") and not rows and len(summary["problems"]) == 3


def test_classes_that_one_side_lacks_and_a_label_to_ignore(tmp_path, capsys):
    save(tmp_path / "l" / "a.nii", np.where(np.arange(6) > 4, 255, TOY_LABEL).astype(np.uint8))
    save(tmp_path / "p" / "a.nii", np.where(TOY_PREDICTION, 2, 0).astype(np.uint8))
    options = ("--classes", "1=a,2=b,3=c", "--ignore-label", "255", "--metrics", "dice")
    rows, summary, problem = evaluate(tmp_path / "p", tmp_path / "l", tmp_path / "out", *options)
    assert problem is None and [row["state"] for row in rows] == ["missed", "spurious", "absent"]
    assert summary["settings"]["ignore_label"] == 255
    words = [
        "'a' occurs in no prediction of",
        "'b' occurs in no label map of",
        "'c' occurs in no prediction and no lab",
    ]
    assert all(each in warning for each, warning in zip(words, summary["warnings"], strict=True))
    assert all(each in capsys.readouterr().out.replace("warning: ", "") for each in words[:1])
    # By itself the ignored value is no class, and 1 and 2 are what masks hold.
    rows, summary, _ = evaluate(tmp_path / "p", tmp_path / "l", tmp_path / "out", *options[2:])
    assert summary["settings"]["classes"] == {"foreground": [1, 2]}


def test_outlines_are_filled_when_asked(tmp_path, capsys):
    head = np.zeros((40, 40), np.uint8)
    head[8:30, 6:34] = 255
    line = head.copy()
    line[9:29, 7:33] = 0
    picture(tmp_path / "p" / "1_HC_seg.png", head)
    picture(tmp_path / "l" / "training_set" / "1_HC_Annotation.png", line)
    rows, summary, problem = evaluate(tmp_path / "p", tmp_path / "l", tmp_path / "out", "--metrics", "dice")
    assert (
        problem.startswith("1 file, case or table could not be used")
        and "give --fill-contours" in summary["problems"][0]
    )
    assert rows[0]["case"] == "training_set/1_HC" and float(rows[0]["dice"]) < 0.3
    options = ("--metrics", "dice", "--fill-contours")
    rows, summary, problem = evaluate(tmp_path / "p", tmp_path / "l", tmp_path / "out", *options)
    assert problem is None and float(rows[0]["dice"]) == 1


@pytest.mark.skipif(not (SHARED / "chasedb1").is_dir(), reason=f"CHASE_DB1 is not at {SHARED / 'chasedb1'}")
def test_the_how_to_on_chasedb1(tmp_path):
    """The second observer as nlseg infer writes masks, 0/255, against the bilevel pictures of the first."""
    second = np.asarray(Image.open(SHARED / "chasedb1" / "Image_01L_2ndHO.png"))
    picture(tmp_path / "vessels" / "Image_01L_seg.png", second * np.uint8(255))
    rows, summary, problem = evaluate(
        tmp_path / "vessels", SHARED / "chasedb1" / "Image_01L*_1stHO.png", tmp_path / "out", "--metrics", "dice"
    )
    first = np.asarray(Image.open(SHARED / "chasedb1" / "Image_01L_1stHO.png"))
    assert problem is None
    assert float(rows[0]["dice"]) == pytest.approx(2 * np.sum(first & second) / (first.sum() + second.sum()))


@pytest.mark.parametrize(
    ("options", "box", "mhd"),
    [
        ((), "0:4,0:5,0:6", 0.3583333333),
        (("--roi", "nonzero"), "1:4,1:4,1:5", 0.8745911492),
        (("--roi", "mask", "masks"), "1:4,1:4,1:5", 0.8745911492),
    ],
)
def test_regions_of_the_golden_toy(tmp_path, monkeypatch, options, box, mhd):
    monkeypatch.chdir(tmp_path)
    mask = np.zeros_like(TOY_LABEL)
    mask[1:4, 1:4, 1:5] = 1
    for folder, volume in (("p", TOY_PREDICTION), ("l", TOY_LABEL), ("masks", mask)):
        save(tmp_path / folder / "toy.nii", volume)
    rows, _, problem = evaluate("p", "l", tmp_path / "out", *options)
    assert problem is None and rows[0]["box"] == box
    assert float(rows[0]["mhd"]) == pytest.approx(mhd, abs=1e-6)
    assert float(rows[0]["dice"]) == pytest.approx(TOY_DICE)


def test_comparison_with_two_tables(tmp_path, capsys):
    predictions, labels = cohort(tmp_path, 5)
    for name, shift in (("b", 10), ("c", 20)):
        for number in range(5):
            save(tmp_path / name / f"case{number}.nii.gz", tissues(number + shift))
        evaluate(tmp_path / name, labels, tmp_path / f"out-{name}")
    tables = [str(tmp_path / f"out-{name}" / "cases.csv") for name in ("b", "c")]
    rows, summary, problem = evaluate(
        predictions, labels, tmp_path / "out", "--metrics", "dice,iou", "--compare", *tables
    )
    assert problem is None
    comparisons = summary["comparisons"]
    assert [(each["with"], each["class"], each["metric"]) for each in comparisons] == [
        (name, label_class, metric) for name in tables for label_class in "123" for metric in ("dice", "iou")
    ]
    with open(tables[1], newline="") as file:
        theirs = [float(row["dice"]) for row in csv.DictReader(file) if row["class"] == "2"]
    ours = [float(row["dice"]) for row in rows if row["class"] == "2"]
    wanted = {"with": tables[1], "class": "2", "metric": "dice"}
    (found,) = (each for each in comparisons if wanted.items() <= each.items())
    assert found["t_p"] == pytest.approx(stats.ttest_rel(ours, theirs).pvalue)
    assert found["wilcoxon_p"] == pytest.approx(stats.wilcoxon(ours, theirs).pvalue)
    assert found["t_p"] < found["t_p_holm"] <= 1
    printed = capsys.readouterr().out
    assert all(f"here - {name}" in printed for name in tables) and "Wilcoxon p" in printed

    save(predictions / "case9.nii.gz", tissues(9))
    save(labels / "case9.nii.gz", tissues(0))
    _, summary, problem = evaluate(predictions, labels, tmp_path / "out", "--metrics", "dice", "--compare", tables[0])
    assert summary["problems"] == [f"'{tables[0]}' lacks 1 case (case9)"] and problem.startswith(
        "1 file, case or table could not be used"
    )
    assert [each["n"] for each in summary["comparisons"]] == [5, 5, 5]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--metrics", "dice,dise"), "--metrics 'dise' is unknown: choose from dice, iou"),
        (("--roi", "some"), "--roi 'some' is unknown"),
        (("--roi", "mask"), "needs a folder of masks"),
        (("masks",), "--roi full takes no folder of masks"),
        (("a.csv",), "are too many arguments"),
        (("--compare", "nowhere.csv"), "'nowhere.csv' cannot be read as a table"),
        (("--classes", "GM"), "'GM' has no whole number"),
        (("--classes", "1=a,255=b", "--ignore-label", "255"), "--ignore-label 255 is one of the --classes"),
        (("--output", __file__), "test_evaluate.py' is a file: give a folder as --output"),
    ],
)
def test_what_does_not_fit_is_named_before_the_work(tmp_path, options, words):
    predictions, labels = cohort(tmp_path, 1)
    arguments = ["--pred", predictions, "--label", labels, "--output", tmp_path / "out", *options]
    with pytest.raises(ValueError, match=words):
        cli.app(["evaluate", *map(str, arguments)], standalone_mode=False)
    assert not (tmp_path / "out").exists()
