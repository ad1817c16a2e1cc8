"""A worker in this process: what it says of damaged cases, and that it goes on."""

from __future__ import annotations

import errno
import os
import statistics

import nibabel as nib
import numpy as np
import psutil
import pytest
import torch

from monai_nlseg.bundle import Bundle
from monai_nlseg.cohort import Case, RunOptions
from monai_nlseg.cohort.plan import WorkerPlan
from monai_nlseg.cohort.tasks import planning, processing
from monai_nlseg.cohort.worker import ACCELERATOR_LOST, Worker, is_starved
from monai_nlseg.jobs import Place, RunRefused
from monai_nlseg.jobs.work import Work
from tests.cohort.bundles import save_picture, save_volume
from tests.cohort.damage import DAMAGE


@pytest.fixture(scope="module")
def worker(made, tmp_path_factory):
    options = RunOptions(bundle=str(made("unet")), output=str(tmp_path_factory.mktemp("out")), previews=False)
    return Worker(options, Bundle(made("unet")).identity({}))


def case(*files) -> Case:
    return Case("p", tuple((str(file),) for file in files))


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_case_has_its_sentence_and_the_next_is_done(worker, tmp_path, kind):
    damage, words = DAMAGE[kind]
    path = save_volume(tmp_path / "p.nii.gz", (16, 18, 14))
    damage(path)
    record = worker.process(case(path))
    assert record["status"] == "failed" and words in record["error"] and "\n" not in record["error"]
    assert record["error"].endswith(".") and "outputs" not in record
    assert record["input"]["files"] == [str(path)] and record["peak_memory"] > 0
    good = worker.process(case(save_volume(tmp_path / "good.nii.gz", (16, 18, 14))))
    assert good["status"] == "done" and good["labels"]["1"]["voxels"] > 0


def test_files_that_are_not_there_or_are_of_another_kind(worker, tmp_path):
    assert "does not exist" in worker.process(case(tmp_path / "gone.nii.gz"))["error"]
    (tmp_path / "text.nii").write_text("no image\n" * 100)
    assert "is not a readable NIfTI" in worker.process(case(tmp_path / "text.nii"))["error"]
    (tmp_path / "folder.nii.gz").mkdir()
    assert worker.process(case(tmp_path / "folder.nii.gz"))["status"] == "failed"
    two = case(save_volume(tmp_path / "a.nii.gz"), save_volume(tmp_path / "b.nii.gz"))
    assert "there are 2 channels in 'a.nii.gz' and 'b.nii.gz', the bundle takes 1" in worker.process(two)["error"]
    other = case(save_volume(tmp_path / "c.nii.gz"), save_volume(tmp_path / "d.nii.gz", (12, 12, 12)))
    record = worker.process(other)
    assert record["status"] == "failed" and "\n" not in record["error"]
    picture = worker.process(case(save_picture(tmp_path / "e.png")))
    assert picture["status"] == "failed" and "\n" not in picture["error"]
    nib.save(nib.Nifti1Image(np.arange(360.0).reshape(20, 18), np.eye(4)), tmp_path / "flat.nii.gz")
    flat = worker.process(case(tmp_path / "flat.nii.gz"))
    assert "the shape of 'flat.nii.gz' is (20, 18), the bundle takes 3 axes" in flat["error"]


def test_a_volume_of_one_slice_and_another_of_few_voxels(worker, tmp_path):
    for shape in ((20, 18, 1), (3, 2, 4)):
        path = save_volume(tmp_path / "small.nii.gz", shape)
        record = worker.process(case(path))
        assert record["status"] == "done", record["error"]
        assert record["shape"] == list(shape)


def test_colours_that_the_bundle_does_not_take(made, tmp_path):
    options = RunOptions(bundle=str(made("picture")), output=str(tmp_path / "out"), previews=False)
    worker = Worker(options, Bundle(made("picture")).identity({}))
    grey = worker.process(case(save_picture(tmp_path / "grey.png", mode="L")))
    assert "there is 1 channel in 'grey.png', the bundle takes 3" in grey["error"]
    (tmp_path / "half.png").write_bytes(save_picture(tmp_path / "whole.png").read_bytes()[:200])
    assert "half.png' is not a readable image" in worker.process(case(tmp_path / "half.png"))["error"]
    assert worker.process(case(tmp_path / "whole.png"))["status"] == "done"


@pytest.mark.slow
def test_memory_stays_over_200_cases(worker, tmp_path):
    cases = [case(save_volume(tmp_path / f"{seed}.nii.gz", (24, 28, 20), seed=seed)) for seed in range(10)]
    peaks, resident = [], []
    for index in range(200):
        record = worker.process(cases[index % len(cases)])
        assert record["status"] == "done"
        peaks.append(record["peak_memory"])
        resident.append(psutil.Process().memory_info().rss)
    for figures in (peaks, resident):
        assert statistics.median(figures[160:]) < 1.03 * statistics.median(figures[20:60])


def test_an_error_of_the_accelerator_ends_the_process(worker, tmp_path, monkeypatch):
    """As nothing more works in it; another process is to try the case again."""

    def lost(item):
        raise RuntimeError("wrapped") from torch.AcceleratorError(
            "CUDA error: an illegal memory access was encountered"
        )

    codes = []

    def end(code):
        codes.append(code)
        raise SystemExit(code)

    monkeypatch.setattr(worker.model, "infer", lost)
    monkeypatch.setattr("os._exit", end)
    with pytest.raises(SystemExit):
        worker.process(case(save_volume(tmp_path / "p.nii.gz", (16, 18, 14))))
    assert codes == [ACCELERATOR_LOST]


@pytest.mark.parametrize("file", range(4))
@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_quota_that_is_full_is_no_fault_of_the_case(made, tmp_path, monkeypatch, call, file):
    """Whichever of its files is the one too many, and where the system says so as late as a network's disk does."""
    output = tmp_path / "out"
    extras = ("probabilities", "uncertainty")
    worker = Worker(
        RunOptions(bundle=str(made("unet")), output=str(output), extras=extras), Bundle(made("unet")).identity({})
    )
    real, calls = getattr(os, call), []

    def full(*arguments, **options):
        if not (len(arguments) == 1 and os.path.isdir(f"/proc/self/fd/{arguments[0]}")):
            calls.append(arguments)
            if len(calls) == file + 1:
                raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
        return real(*arguments, **options)

    monkeypatch.setattr(os, call, full)
    path = save_volume(tmp_path / "p.nii.gz", (12, 12, 12))
    with pytest.raises(RunRefused, match=f"cannot be written \\({os.strerror(errno.EDQUOT)}\\): make room"):
        worker.process(case(path))
    assert len([path for path in output.rglob("*") if path.is_file()]) == file
    assert worker.process(case(path))["status"] == "done"


def test_the_begin_and_end_of_reading_are_reported_whatever_becomes_of_it(worker, tmp_path):
    reported = []
    work = Work(0, lambda name, begins: reported.append((name, begins)))
    work.load(lambda place: worker, Place())
    (tmp_path / "bad.nii").write_text("no image\n" * 100)
    for path in (save_volume(tmp_path / "p.nii.gz", (12, 12, 12)), tmp_path / "bad.nii", tmp_path / "gone.nii"):
        work.do(*processing([case(path)], 1, None))
        assert reported and reported == [("p", True), ("p", False)] * (len(reported) // 2)
        reported.clear()
    work.do(planning(case(tmp_path / "p.nii.gz")))
    assert reported == [("p", True), ("p", False)]


@pytest.mark.parametrize(
    ("error", "starved"),
    [(MemoryError(), True), (torch.OutOfMemoryError("full"), True), (ValueError("no bundle."), False)],
)
def test_what_another_start_may_not_meet(error, starved):
    assert is_starved(error) is starved


def test_the_windows_at_a_time_that_are_asked_for_are_planned_with(made, tmp_path):
    options = RunOptions(bundle=str(made("unet")), output=str(tmp_path / "out"), batch=3)
    worker = Worker(options, Bundle(made("unet")).identity({}))
    assert worker.plan(case(save_volume(tmp_path / "p.nii.gz", (12, 12, 12)))).batch == 3


def test_windows_at_a_time_that_are_not_settled_follow_from_the_shape_alone(made, tmp_path, monkeypatch):
    worker = Worker(
        RunOptions(bundle=str(made("unet")), output=str(tmp_path / "out")), Bundle(made("unet")).identity({})
    )
    planned, given = [], []

    def plan(model, item, batch):
        planned.append(item.data["image"].shape[-1])
        return WorkerPlan(planned[-1], 0)

    monkeypatch.setattr("monai_nlseg.cohort.worker.plan_worker", plan)
    monkeypatch.setattr(worker.model, "set_batch", given.append)
    small, large = (save_volume(tmp_path / f"{size}.nii.gz", (12, 12, size)) for size in (12, 24))
    for path in (small, large, small):
        assert worker.process(case(path))["status"] == "done"
    assert len(planned) == 2 and given == [planned[0], planned[1], planned[0]]
    checked = []
    monkeypatch.setattr("monai_nlseg.cohort.worker.require_memory", lambda model, item: checked.append(item))
    for path in (large, small, large):
        worker.process(case(path), 1, 5)
    # Planning takes seconds: of a number that is settled only the largest image so far is checked.
    assert len(planned) == 2 and given[3:] == [5] and len(checked) == 1


def test_what_a_plan_refuses_is_said_of_the_case_too(worker, tmp_path, monkeypatch):
    def refuse(*_: object) -> None:
        raise ValueError("memory does not suffice: crop the image.")

    for name in ("plan_worker", "require_memory"):
        monkeypatch.setattr(f"monai_nlseg.cohort.worker.{name}", refuse)
    large = case(save_volume(tmp_path / "large.nii.gz", (40, 42, 38)))
    with pytest.raises(ValueError, match="memory does not suffice"):
        worker.plan(large)
    assert worker.process(large)["error"] == "memory does not suffice: crop the image."
