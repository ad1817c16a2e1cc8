"""The folders and reports of a bundle's trainings, and the exchange of its weights."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from monai_nlseg.bundle import find_bundle
from monai_nlseg.label.served import ServedBundle
from monai_nlseg.label.training.data import LabelledImage
from monai_nlseg.label.training.report import (
    earlier_reports,
    new_folder,
    report_of,
    serve,
    statistics,
    trained_on,
    write_report,
)
from monai_nlseg.label.training.run import Scores

LAEDNET = "ultrasound_laednet_segmentation"
SETTINGS = {"epochs": 3, "start_ts": 100, "seconds": 61.4, "result": "better."}


@pytest.fixture
def served(tmp_path):
    (tmp_path / "app" / "configs").mkdir(parents=True)
    for name in ("metadata.json", "inference.json"):
        (tmp_path / "app" / "configs" / name).write_bytes((find_bundle(LAEDNET) / "configs" / name).read_bytes())
    return ServedBundle("head", tmp_path / "app")


def ended(served: ServedBundle, names: str, scores: Scores) -> dict:
    training = [LabelledImage(name, f"{name}.png", f"l_{name}.png", True, name) for name in names]
    report = report_of(served, training, training[:1], {"x": "other"}, scores, {"served": scores.better, **SETTINGS})
    write_report(new_folder(served), report)
    return report


def test_each_training_has_a_folder_of_its_own(served):
    assert [new_folder(served).name for _ in range(3)] == ["1", "2", "3"]
    (served.root / "runs" / "2").rmdir()
    (served.root / "runs" / "notes").mkdir()
    assert new_folder(served) == served.root / "runs" / "4"


def test_folder_that_another_training_makes_first_is_left_to_it(served, monkeypatch):
    new_folder(served)
    monkeypatch.setattr(Path, "iterdir", lambda folder: iter(()))  # it was not there yet
    assert new_folder(served).name == "2"


def test_weights_are_exchanged_and_the_earlier_ones_kept(served, tmp_path):
    served.weights.parent.mkdir()
    served.weights.write_bytes(b"first")
    os.utime(served.weights, (1, 1))
    for count, content in ((1, b"second"), (2, b"third")):
        earlier = served.weights.read_bytes()
        (tmp_path / "trained.pt").write_bytes(content)
        kept = serve(served, tmp_path / "trained.pt")
        assert kept == served.root / "models" / f"model_earlier_{count}.pt"
        assert kept.read_bytes() == earlier
        assert served.weights.read_bytes() == content
    assert (tmp_path / "trained.pt").is_file()
    assert served.weights.stat().st_mtime > 1
    assert len(list(served.weights.parent.iterdir())) == 3


def test_first_weights_displace_none(served, tmp_path):
    (tmp_path / "trained.pt").write_bytes(b"first")
    assert serve(served, tmp_path / "trained.pt") is None
    assert served.weights.read_bytes() == b"first"


def test_exchange_that_fails_leaves_what_is_served(served, tmp_path):
    served.weights.parent.mkdir()
    served.weights.write_bytes(b"first")
    with pytest.raises(FileNotFoundError):
        serve(served, tmp_path / "no.pt")
    assert served.weights.read_bytes() == b"first"


def test_reports_are_of_one_model_and_in_order(served):
    assert earlier_reports(served) == []
    other = ServedBundle("breast", served.root, {"task": "breast"})
    reports = [ended(served, "abc", Scores("dice", 0.5, {1: 0.25 + number / 16})) for number in range(11)]
    ended(other, "xyz", Scores("dice", None, {1: 0.1}))
    new_folder(served)  # a training that was killed
    assert earlier_reports(served) == reports
    assert [report["model"] for report in earlier_reports(other)] == ["breast"]


def test_what_served_weights_were_trained_on(served):
    reports = [ended(served, "ab", Scores("dice", 0.5, {1: 0.6})), ended(served, "cd", Scores("dice", 0.5, {1: 0.4}))]
    reports.append(ended(served, "ae", Scores("dice", 0.5, {1: 0.6})))
    assert trained_on(reports) == {"a", "b", "e"}


def test_report(served):
    report = ended(served, "ab", Scores("dice", 0.5, {2: 0.6, 4: 0.7, 6: 0.7}))
    assert report["training"] == {"a": ["a.png", "l_a.png"], "b": ["b.png", "l_b.png"]}
    assert report["validation"] == {"a": ["a.png", "l_a.png"]} and report["left_out"] == {"x": "other"}
    assert (report["metric"], report["score_before"], report["score_after"], report["best_epoch"]) == (
        "dice",
        0.5,
        0.7,
        4,
    )
    assert set(report["versions"]) == {"monai_nlseg", "monai", "torch"}


@pytest.mark.parametrize(
    ("scores", "best", "epoch"),
    [
        (Scores("dice", 0.5, {2: 0.6}), 0.6, 2),
        (Scores("dice", 0.5, {2: 0.4}), 0.5, 0),
        (Scores("dice", None, {2: 0.4}), 0.4, 2),
        (Scores("dice", 0.5, {}), 0.5, 0),
        (Scores("dice", None, {}), None, 0),
    ],
)
def test_statistics(served, scores, best, epoch):
    found = statistics(ended(served, "ab", scores))
    assert found["best_metric"] == found["eval"]["best_metric"] == best
    assert found["eval"]["best_metric_epoch"] == epoch
    assert (found["epoch"], found["start_ts"], found["total_time"]) == (3, 100, "0:01:01")


@pytest.mark.parametrize(
    ("before", "epochs", "better", "summary"),
    [
        (
            0.5,
            {1: 0.4, 2: 0.6},
            True,
            "dice has risen from 0.5000 to 0.6000: the trained weights are served from now on.",
        ),
        (0.5, {1: 0.5}, False, "dice 0.5000 is not above 0.5000: the served weights stay."),
        (None, {1: 0.1}, True, "the trained weights reach dice 0.1000 and are served from now on."),
        (0.5, {}, False, "the trained weights have no dice: the served weights stay."),
        (None, {}, False, "the trained weights have no dice: the served weights stay."),
    ],
)
def test_scores(before, epochs, better, summary):
    scores = Scores("dice", before, epochs)
    assert (scores.better, scores.summary) == (better, summary)
