"""`nlseg infer` as a user types it: exit codes, what it prints, refuses, skips and goes on with."""

from __future__ import annotations

import json
import signal
import time

import nibabel
import numpy as np
import pytest
from filelock import FileLock

from tests.cohort.bundles import PAUSES, fault_bundle, save_volume, tumour_bundle, unet_bundle
from tests.cohort.commands import begun, ended, gate, last_records, manifest, require_whole, times
from tests.forked import Forked


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return unet_bundle(tmp_path_factory.mktemp("bundles") / "unet")


def lines(capsys) -> list[str]:
    return capsys.readouterr().out.splitlines()


def test_a_folder_with_a_broken_scan_from_first_to_last(bundle, tmp_path, capsys, monkeypatch):
    for seed, name in enumerate(("x/a", "x/b", "c")):
        save_volume(tmp_path / "in" / f"{name}.nii.gz", (18, 20, 14), seed=seed)
    (tmp_path / "in" / "x" / "b.nii.gz").write_bytes(b"")
    (tmp_path / "in" / "notes.txt").write_text("mine")
    output = tmp_path / "out"
    left_out = f"1 file was left out (1 not an image by its suffix or content): see {output}/left_out.csv"
    given = (bundle, tmp_path / "in", output, "--num-workers", 1, "--postfix", "labels", "--save", "uncertainty")
    assert ended(monkeypatch, *given) == 3
    printed = lines(capsys)
    assert printed == [
        "x/b: 'b.nii.gz' is empty: restore the file or leave the case out.",
        f"2 done, 1 failed: see {output}/manifest.jsonl",
        "failed cases are tried again when their files change, or with --retry-failed",
        left_out,
    ]
    assert {path.name for path in output.rglob("*.nii.gz")} == {
        "a_labels.nii.gz",
        "a_uncertainty.nii.gz",
        "c_labels.nii.gz",
        "c_uncertainty.nii.gz",
    }
    require_whole(output)
    before = times(output)

    assert ended(monkeypatch, *given) == 3
    assert lines(capsys)[0] == "3 cases are unchanged: skipped"
    assert len(manifest(output)) == 3

    save_volume(tmp_path / "in" / "x" / "b.nii.gz", (18, 20, 14), seed=1)
    assert ended(monkeypatch, *given) == 0
    assert lines(capsys) == ["2 cases are unchanged: skipped", f"3 done: see {output}/manifest.jsonl", left_out]
    assert times(output).items() > before.items() and len(manifest(output)) == 4


def test_failed_cases_are_tried_again_on_demand_and_the_first_ends_the_run(bundle, tmp_path, capsys, monkeypatch):
    for name in "abcdefgh":
        save_volume(tmp_path / "in" / f"{name}.nii.gz", (18, 20, 14))
    (tmp_path / "in" / "a.nii.gz").write_bytes(b"")
    given = (bundle, tmp_path / "in", tmp_path / "out", "--num-workers", 1, "--retry-failed", "--fail-fast")
    for attempt in (1, 2):
        assert ended(monkeypatch, *given) == 3
        assert "a: 'a.nii.gz' is empty: restore the file or leave the case out." in lines(capsys)
        counts = json.loads((tmp_path / "out" / "run.json").read_text())["counts"]
        assert counts["failed"] == 1 and counts["open"] >= 4 - 2 * (attempt - 1)
        assert [record["case"] for record in manifest(tmp_path / "out")].count("a") == attempt


def test_modalities_and_a_list_of_them(tmp_path, monkeypatch, capsys):
    words = ("FLAIR", "T1", "T1c", "T2")
    for name in ("p1", "p2"):
        for seed, word in enumerate(words):
            save_volume(tmp_path / "in" / f"{name}-{word}.nii.gz", (18, 20, 14), seed=seed)
    bundle = tumour_bundle(tmp_path / "bundle")
    options = ("--num-workers", 1, "--batch", 2)
    named = ("--modalities", "FLAIR, T1,T1c,T2")
    assert ended(monkeypatch, bundle, tmp_path / "in", tmp_path / "1", *named, *options) == 0
    rows = [",".join(("case", *words))]
    rows += [",".join([name, *(f"{name}-{word}.nii.gz" for word in words)]) for name in ("p1", "p2")]
    (tmp_path / "in" / "list.csv").write_text("\n".join(rows))
    assert ended(monkeypatch, bundle, tmp_path / "in" / "list.csv", tmp_path / "2", *options) == 0
    maps = [nibabel.load(tmp_path / folder / "p2_seg.nii.gz") for folder in "12"]
    assert maps[0].shape == (18, 20, 14, 3)
    np.testing.assert_array_equal(*(np.asarray(image.dataobj) for image in maps))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--format", "jpeg"), "format 'jpeg' is unknown: choose auto, nifti, nrrd, mha, png, dicom-seg."),
        (("--save", "logits"), "'logits' cannot be saved: choose probabilities or uncertainty."),
        (("--postfix", "a/b"), "postfix 'a/b' is not allowed: give a word such as seg."),
        (("--case-seconds", 0), "seconds is 0.0: give a number from 0.001 to 100,000,000."),
        (("--case-memory", -1), "--case-memory is -1.0: give a number from 0.001 to 1,000,000."),
        (("--batch", 0), "batch is 0: give a whole number from 1 to 1,000,000."),
        (("--num-workers", 0), "the number of workers is 0: give a whole number from 1 to 1,024."),
        (("--runner", "spark"), "runner 'spark' is unknown: choose local or ray."),
        (("--address", "auto"), "address and gpus_per_worker are options of Ray: give runner ray, too."),
        (("--set", "step"), "'step' is not an override: give an id and a value, such as step=16."),
        (("--pattern", "*.mha"), "holds no image that '*.mha' matches"),
        (("--modalities", "T1,T2"), "holds no image that"),
        (("--bundle", "no_such"), "'no_such' is not a bundle"),
        (("--input", "gone"), "'gone' does not exist: give an image, a folder, or a list (.csv, .json, .jsonl)."),
    ],
)
def test_calls_that_cannot_be_met(bundle, tmp_path, capsys, monkeypatch, options, words):
    save_volume(tmp_path / "in" / "a.nii.gz", (8, 8, 8))
    assert ended(monkeypatch, bundle, tmp_path / "in", tmp_path / "out", *options) == 2
    printed = capsys.readouterr()
    assert words in printed.err and printed.err.startswith("error: ") and not printed.out
    assert len(printed.err.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_folders_that_cannot_be_used(bundle, tmp_path, capsys, monkeypatch):
    save_volume(tmp_path / "in" / "a.nii.gz", (8, 8, 8))

    def refused(output) -> str:
        assert ended(monkeypatch, bundle, tmp_path / "in", output) == 2
        printed = capsys.readouterr().err
        assert len(printed.splitlines()) == 1
        return printed

    assert "holds the images: give another folder for the outputs" in refused(tmp_path / "in")
    (tmp_path / "file").write_text("mine")
    assert "cannot be written" in refused(tmp_path / "file") and (tmp_path / "file").read_text() == "mine"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "manifest.jsonl").write_text('{"name": "of something else"}\n')
    assert "line 1 is not a line of a manifest: give another output folder." in refused(tmp_path / "other")
    (tmp_path / "busy" / ".nlseg").mkdir(parents=True)
    with FileLock(tmp_path / "busy" / ".nlseg" / "lock"):
        assert "another run is at work" in refused(tmp_path / "busy")


def test_what_only_the_worker_can_refuse(bundle, tmp_path, capsys, monkeypatch):
    save_volume(tmp_path / "a.nii.gz", (8, 8, 8))
    given = (bundle, tmp_path / "a.nii.gz", tmp_path / "out", "--num-workers", 1)
    assert ended(monkeypatch, *given, "--set", "stap=16") == 2
    printed = capsys.readouterr().err
    assert printed.startswith("error: 'stap' is not an id of inference") and len(printed.splitlines()) == 1
    assert not (tmp_path / "out" / "run.json").exists()
    assert ended(monkeypatch, *given) == 0
    assert last_records(tmp_path / "out").keys() == {"a"}


PASSES = 2
"""The largest image is looked at before the first is segmented."""


def wait_for(what, process: Forked) -> None:
    while not what():
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def interrupt(process: Forked) -> None:
    """Interrupt a run, and wait until it has noticed."""
    process.send_signal(signal.SIGINT)
    wait_for(lambda: "interrupt again to end at once" in process.printed()[0], process)


def test_interrupts(tmp_path, capsys, monkeypatch):
    """The first lets the cases in progress end, the second does not; the same command resumes."""
    bundle, output = fault_bundle(tmp_path / "bundle"), tmp_path / "out"
    for seed in range(12):
        save_volume(tmp_path / "in" / f"{seed:02}.nii.gz", (18, 20, 14), seed=seed, mark=PAUSES)
    given = (bundle, tmp_path / "in", output, "--num-workers", 1)

    with gate(monkeypatch, tmp_path / "gate", PASSES):
        first = begun(*given)
        wait_for(lambda: len(manifest(output)) > 0, first)
        assert ended(monkeypatch, *given) == 2
        assert "another run is at work" in capsys.readouterr().err
        interrupt(first)
    out, error = first.communicate(timeout=60)
    assert first.returncode == 130, error
    assert out.splitlines()[0] == "ending after the cases in progress; interrupt again to end at once"
    so_far = manifest(output)
    assert 1 < len(so_far) < 12 and {record["status"] for record in so_far} == {"done"}
    journal = json.loads((output / "run.json").read_text())
    assert journal["end"] == "stopped" and journal["counts"]["open"] == 12 - len(so_far)
    before = times(output)
    assert len(before) == len(so_far)
    require_whole(output)

    with gate(monkeypatch, tmp_path / "gate", PASSES):
        second = begun(*given)
        wait_for(lambda: len(manifest(output)) > len(so_far), second)
        interrupt(second)
        second.send_signal(signal.SIGINT)
        out, error = second.communicate(timeout=60)
    assert second.returncode == 130, error
    require_whole(output)

    assert ended(monkeypatch, *given) == 0
    assert len(last_records(output)) == 12 == len(times(output)) and times(output).items() > before.items()
    require_whole(output)
