"""Tests of `nlseg bench --networks` on few networks: what it reports, never how fast it was."""

from __future__ import annotations

import json

import pytest
import torch
from rich.console import Console
from typer.testing import CliRunner

from monai_nlseg.bench import NETWORKS, NetworkSettings, print_networks, run, run_networks
from monai_nlseg.bench.measure_network import measure_network
from monai_nlseg.cli import app


@pytest.fixture(scope="module")
def report():
    return run_networks(NetworkSettings(seconds=2.0), ["dnl-96", "nl-96", "nl-explicit-512"])


def test_what_is_measured(report):
    assert list(report["networks"]) == ["dnl-96", "nl-96"]
    deformed, plain = report["networks"].values()
    assert deformed["parameters"] == 13_190 and plain["parameters"] == 8_352
    assert plain["gmac"] == pytest.approx(5.511, rel=1e-3)
    assert deformed["gmac"] < plain["gmac"] / 10
    for result in (deformed, plain):
        assert 0 < result["best_seconds"] <= result["seconds"] and result["passes"] >= 1
        assert result["shape"] == [64, 96, 96]


def test_the_planner_refuses_what_does_not_fit(report):
    reason = report["left_out"]["nl-explicit-512"]
    assert "an image of 512x512 needs" in reason and "even one window at a time" in reason


def test_what_takes_too_long_is_left_out(monkeypatch):
    monkeypatch.setattr("monai_nlseg.bench.measure_network.floor_rate", lambda device, seconds: 50.0)
    with pytest.raises(
        ValueError, match="a pass of 8.8 TFLOP takes 176 s or more, 30 s are allowed: give --seconds 352"
    ):
        measure_network(NETWORKS["nl-512"], NetworkSettings(seconds=0.01))


def test_report_on_screen(report):
    console = Console(record=True, width=140)
    print_networks(report, console)
    text = console.export_text()
    assert "13,190" in text and "64x96x96" in text and "non-local block" in text
    assert "left out: nl-explicit-512" in text


def test_command(tmp_path):
    arguments = ["bench", "--networks", "--engines", "dnlnet-96", "--seconds", "1", "--output", str(tmp_path)]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "DNLNet" in done.output and "4,921,319" in done.output
    report = json.loads((tmp_path / "networks.json").read_text())
    assert list(report["networks"]) == ["dnlnet-96"]


def test_every_network_is_compared_with_one_of_its_size():
    for case in NETWORKS.values():
        assert case.missing() == []
        assert case.beside is None or NETWORKS[case.beside].shape == case.shape


def test_titles_say_what_ran():
    assert len({(case.title, case.shape) for case in NETWORKS.values()}) == len(NETWORKS)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused_before_anything_runs():
    with pytest.raises(ValueError, match="device 'cuda' cannot be used by PyTorch here: choose cpu"):
        run_networks(NetworkSettings(device="cuda"), ["dnl-96"], lambda title: pytest.fail("measures"))


def test_unknown_network():
    with pytest.raises(ValueError, match="network 'warp' is unknown: choose from unetplusplus, unet, "):
        run_networks(NetworkSettings(), ["warp"])


def test_exported_files_are_left_out_on_a_gpu(monkeypatch):
    monkeypatch.setattr(run, "_machine", lambda settings: {})
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    report = run_networks(NetworkSettings(device="cuda"), ["laednet-s-onnx"])
    assert report["left_out"] == {"laednet-s-onnx": "exported files run on the CPU: give --device cpu"}


def test_output_that_is_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    done = CliRunner().invoke(app, ["bench", "--networks", "--output", str(tmp_path / "file")])
    assert "is a file: give a folder" in str(done.exception)
