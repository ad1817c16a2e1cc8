"""Tests of `nlseg bench` on small volumes: what it reports, never how fast it was."""

from __future__ import annotations

import json
import time

import pytest
import torch
from rich.console import Console
from typer.testing import CliRunner

from monai_nlseg.bench import ENGINES, BenchSettings, measure, print_report, run_bench, write_report
from monai_nlseg.cli import app

SMALL = BenchSettings(shape=(1, 24, 20, 16), roi_size=16, steps=(4, 16), sw_batch_size=2, seconds=0.05)


@pytest.fixture(scope="module")
def report():
    return run_bench(SMALL, ["engine", "explicit-attention", "unet"])


def test_what_is_measured(report):
    assert list(report["engines"]) == ["engine", "explicit-attention", "unet"] and report["left_out"] == {}
    for result in report["engines"].values():
        assert result["seconds_per_window"] > 0 and result["floor_gflops"] > 0 and result["gflop_per_window"] > 0
        assert result["faults_per_window"] >= 0
        assert [result["steps"][step]["windows"] for step in ("4", "16")] == [3 * 2 * 1, 2 * 2 * 1]
        for volume in result["steps"].values():
            assert volume["seconds"] > 0
            assert volume["outside"] is None or 0 <= volume["outside"] < 1
    engine, explicit = report["engines"]["engine"], report["engines"]["explicit-attention"]
    assert engine["gflop_per_window"] == explicit["gflop_per_window"]
    assert engine["agreement"] == 1.0 and explicit["agreement"] > 0.999
    assert "agreement" not in report["engines"]["unet"]
    assert report["machine"]["threads"] >= 1


def test_report_on_screen_and_in_files(report, tmp_path):
    console = Console(record=True, width=140)
    print_report(report, console)
    text = console.export_text()
    assert "Non-local U-Net" in text and "fastest here" in text
    here, beside = (report["engines"][name]["seconds_per_window"] for name in ("engine", "explicit-attention"))
    assert f"a window takes {here:.3g} s here and {beside:.3g} s with explicit attention: {beside / here:.2f}" in text
    assert [path.name for path in write_report(report, tmp_path / "new" / "folder")] == ["bench.json", "bench.png"]
    assert json.loads((tmp_path / "new" / "folder" / "bench.json").read_text()) == json.loads(json.dumps(report))
    assert (tmp_path / "new" / "folder" / "bench.png").read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == ["bench.json", "bench.png"]


def test_command(tmp_path):
    arguments = ["bench", "--engines", "ccfcn3d", "--shape", "32", "32", "32", "--channels", "1", "--steps", "32"]
    done = CliRunner().invoke(app, [*arguments, "--seconds", "0.1", "--output", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "CC-3D-FCN" in done.output and (tmp_path / "bench.json").is_file()


@pytest.mark.slow
def test_quick(tmp_path):
    begin = time.perf_counter()
    done = CliRunner().invoke(app, ["bench", "--quick", "--output", str(tmp_path)])
    assert done.exit_code == 0, done.output
    report = json.loads((tmp_path / "bench.json").read_text())
    assert report["left_out"] == {} and report["settings"]["shape"] == [2, 116, 148, 100]
    assert report["engines"]["engine"]["steps"]["8"]["windows"] == 1920
    assert time.perf_counter() - begin < 600  # hangs, not speed


def test_every_engine_is_built_for_the_default_volume():
    for engine in ENGINES.values():
        assert sum(parameter.numel() for parameter in engine.network(2).parameters()) > 0
        assert engine.missing() == []


@pytest.mark.parametrize("name", ["engine", "explicit-attention"])
@pytest.mark.parametrize("step", [4, 8, 16])
def test_inferers_place_the_same_windows(name, step):
    seen = []
    inferer = ENGINES[name].inferer(SMALL, step)
    inferer(torch.rand(1, 1, 24, 20, 16), lambda windows: seen.append(len(windows)) or windows.repeat(1, 2, 1, 1, 1))
    assert sum(seen) == {4: 6, 8: 4, 16: 4}[step]


def test_real_images(tmp_path):
    import nibabel as nib
    import numpy as np

    paths = []
    for shape in ((20, 18, 16), (20, 18, 16), (20, 18, 17)):
        paths.append(str(tmp_path / f"{len(paths)}.nii"))
        voxels = np.zeros(shape, np.float32)
        voxels[8:12, 8:12, 8:12] = 1
        nib.save(nib.Nifti1Image(voxels, np.eye(4)), paths[-1])
    settings = BenchSettings(roi_size=16, steps=(16,), seconds=0.05, images=tuple(paths[:2]))
    assert run_bench(settings, ["unet"])["engines"]["unet"]["steps"]["16"]["windows"] == 4
    with pytest.raises(ValueError, match="give channels of one scan, of one shape"):
        run_bench(BenchSettings(images=tuple(paths)), ["unet"])


def test_what_cannot_run_is_named():
    settings = BenchSettings(shape=(1, 24, 24, 24), roi_size=10, steps=(10,), seconds=0.05)
    report = run_bench(settings, ["engine"])
    assert report["engines"] == {}
    assert "not divisible by 4" in report["left_out"]["engine"]


@pytest.mark.parametrize(
    ("settings", "engines", "words"),
    [
        (SMALL, ["warp"], "engine 'warp' is unknown: choose from engine, "),
        (BenchSettings(shape=(1, 24, 24, 24)), None, "shorter than the window of 32"),
        (BenchSettings(steps=(64,)), None, "step 64 does not fit a window of 32"),
    ],
)
def test_refuses(settings, engines, words):
    with pytest.raises(ValueError, match=words):
        run_bench(settings, engines)


def test_steps_that_are_no_numbers():
    done = CliRunner().invoke(app, ["bench", "--steps", "8,x"])
    assert "--steps '8,x' is not a list of whole numbers" in str(done.exception)


def test_best_time_leaves_the_first_run_out(monkeypatch):
    clock = [0.0]
    durations = iter([1.0, 4.0, 3.0, 9.0])
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])

    def advance():
        clock[0] += next(durations)

    assert measure.best_time(advance, 7.5) == 3.0
    assert measure.best_time(advance, 1.0) == 9.0
