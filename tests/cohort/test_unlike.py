"""What is unlike what a bundle was made for: in records, tables and reports, and refused by --strict."""

from __future__ import annotations

import csv
import json
import re
import sys

import numpy as np
import pytest

from monai_nlseg.bundle import Bundle
from monai_nlseg.bundle.runtime.prediction import Prediction, stack_frames
from monai_nlseg.cohort import Case, RunOptions
from monai_nlseg.cohort.outliers import find_flags
from monai_nlseg.cohort.report import write_report
from monai_nlseg.cohort.worker import Worker
from tests.cohort.bundles import save_volume, unet_bundle
from tests.cohort.commands import ended, last_records, manifest
from tests.cohort.report_runs import RUN, done, failed, head

SHAPE = (16, 18, 14)


def limited_bundle(root, requirements, limits):
    """The bundle of U-Net with checks."""
    bundle = unet_bundle(root)
    path = bundle / "configs" / "inference.json"
    config = json.loads(path.read_text())
    config["imports"] += [f"$from monai_nlseg.bundle import {name}" for name in ("input_requirements", "result_limits")]
    check, result = (
        {"_target_": f"monai_nlseg.transforms.{name}", "keys": keys, argument: f"${function}(@bundle_root)"}
        for name, keys, argument, function in (
            ("CheckInputd", "image", "requirements", "input_requirements"),
            ("CheckResultd", "pred", "limits", "result_limits"),
        )
    )
    config["preprocessing"]["transforms"].insert(2, check)
    config["postprocessing"]["transforms"].insert(-1, result)
    path.write_text(json.dumps(config))
    path = bundle / "configs" / "metadata.json"
    stated = {"input_requirements": requirements, "result_limits": limits}
    path.write_text(json.dumps(json.loads(path.read_text()) | stated))
    return bundle


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("limited") / "bundle"
    return limited_bundle(folder, {"spacing_mm": [0.9, 1.1]}, {"share": {"1": [0, 1], "2": [0, 1]}})


@pytest.fixture
def images(tmp_path):
    """One of 1 mm and one of 2."""
    folder = tmp_path / "in"
    save_volume(folder / "fine.nii.gz", SHAPE, spacing=(1, 1, 1))
    save_volume(folder / "large.nii.gz", SHAPE, spacing=(2, 2, 2))
    return folder


def worker_of(bundle, output, **options):
    given = RunOptions(bundle=str(bundle), output=str(output), previews=False, **options)
    return Worker(given, Bundle(bundle).identity({}))


def case(image):
    return Case(image.name.split(".")[0], ((str(image),),))


def test_an_image_that_is_unlike_is_done_and_says_so(bundle, images, tmp_path, caplog):
    worker = worker_of(bundle, tmp_path / "out")
    fine, large = (worker.process(case(images / f"{name}.nii.gz")) for name in ("fine", "large"))
    assert fine["status"] == large["status"] == "done"
    assert "unlike" not in fine
    (sentence,) = large["unlike"]
    assert sentence.startswith("a voxel has 2 x 2 x 2 mm, expected 0.9 to 1.1 mm along each axis")
    assert not caplog.records, "the record says it, not the log"


def test_strict_refuses_it_before_the_network(bundle, images, tmp_path, monkeypatch):
    worker = worker_of(bundle, tmp_path / "out", strict=True)
    assert worker.process(case(images / "fine.nii.gz"))["status"] == "done"
    monkeypatch.setattr(worker.model, "infer", None)
    record = worker.process(case(images / "large.nii.gz"))
    assert record["status"] == "failed" and "outputs" not in record
    assert record["error"] == f"unlike what the bundle was made for: {record['unlike'][0]}."
    assert [path.name for path in (tmp_path / "out").rglob("*.nii.gz")] == ["fine_seg.nii.gz"]


def test_a_result_that_cannot_be(images, tmp_path):
    bundle = limited_bundle(tmp_path / "bundle", {}, {"ml": {"1": [500, 900]}})
    record = worker_of(bundle, tmp_path / "out").process(case(images / "fine.nii.gz"))
    (sentence,) = record["unlike"]
    assert re.match(r"grey has [\d.]+ ml, expected 500 to 900 ml: look at the image and the result", sentence)
    assert f"grey has {record['labels']['1']['ml']:.3g} ml" in sentence
    record = worker_of(bundle, tmp_path / "strict", strict=True).process(case(images / "fine.nii.gz"))
    assert record["status"] == "failed" and record["unlike"] == [sentence]
    assert not list((tmp_path / "strict").rglob("*"))


def in_this_process(runner, cases, options, identity, journal, planned, stopped):
    worker = Worker(options, identity)
    for each in cases:
        yield worker.process(each)


def test_the_command_from_flagged_to_strict_and_back(bundle, images, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys.modules["monai_nlseg.cohort.run"], "records_of", in_this_process)
    output = tmp_path / "out"
    given = (bundle, images, output)
    assert ended(monkeypatch, *given) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed == [
        f"2 done: see {output}/manifest.jsonl",
        "1 case is unlike what the bundle was made for: manifest.jsonl says why, under unlike",
    ]
    rows = {row["case"]: row["unlike"] for row in csv.DictReader((output / "volumes.csv").open())}
    assert rows == {"fine": "", "large": last_records(output)["large"]["unlike"][0]}
    assert json.loads((output / "run.json").read_text())["counts"] == {"done": 2, "failed": 0, "open": 0, "unlike": 1}

    assert ended(monkeypatch, *given, "--strict") == 3  # the other is left alone
    assert "1 case is unchanged: skipped" in capsys.readouterr().out
    assert [record["status"] for record in manifest(output)[2:]] == ["failed"]
    assert json.loads((output / "run.json").read_text())["counts"] == {"done": 1, "failed": 1, "open": 0, "unlike": 1}
    assert ended(monkeypatch, *given, "--strict") == 3 and len(manifest(output)) == 3  # failed, and known to

    assert ended(monkeypatch, *given) == 0
    assert last_records(output)["large"]["status"] == "done" and len(manifest(output)) == 4


def frame(*unlike):
    return Prediction(np.zeros((1, 2, 2)), np.zeros((2, 2), np.uint8), False, None, None, unlike=unlike)


def test_of_a_sequence_the_first_frame_that_is_unlike_speaks_for_the_others():
    assert stack_frames([frame("a"), frame("b")]).unlike == ["frame 1 and 1 more of 2: a"]
    assert stack_frames([frame(), frame("b", "c"), frame()]).unlike == ["frame 2 of 3: b", "frame 2 of 3: c"]
    assert stack_frames([frame(), frame()]).unlike == [] and stack_frames([frame("a")]).unlike == ("a",)


def test_it_is_the_first_flag_of_a_case_and_its_case_leads(tmp_path):
    _, labels = head(1)
    records = [done(f"p{number}", labels, entropy=0.1 + number / 1000) for number in range(9)]
    records[3]["entropy"], records[7]["unlike"] = 0.9, ["a voxel has 2 x 2 x 2 mm"]
    refused = failed("p9", "unlike what the bundle was made for: x.") | {"unlike": ["x"]}
    flags = find_flags(records)
    assert [tuple(flag) for flag in flags["p7"]] == [("unlike", "a voxel has 2 x 2 x 2 mm")]
    records[7]["entropy"] = 0.8
    assert [flag.quantity for flag in find_flags(records)["p7"]] == ["unlike", "entropy"]
    page = write_report(tmp_path, [*records, refused], RUN).read_text()
    data = json.loads(re.search(r'id="data">(.*?)</script>', page)[1].replace("\\u003c", "<"))
    assert data["summary"] | {"failed": 1, "unlike": 2, "flagged": 2} == data["summary"]
    assert [each["case"] for each in data["cases"]][:3] == ["p9", "p7", "p3"]
