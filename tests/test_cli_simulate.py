"""`nlseg simulate` as a user types it: what it writes, prints and refuses."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from monai_nlseg import cli
from monai_nlseg.data import (
    busi_datalist,
    chasedb1_datalist,
    cta_datalist,
    drive_datalist,
    hc18_datalist,
    ultrasound_nerve_datalist,
    ultrasound_nerve_test_datalist,
)

PLANE = ("--size", "64,48")
VOLUME = ("--size", "36,40,33")


def _hc18_halves(folder):
    return hc18_datalist(folder, check_content=True) + hc18_datalist(folder, "test", check_content=True)


def _nerve_halves(folder):
    return ultrasound_nerve_datalist(folder, check_content=True) + ultrasound_nerve_test_datalist(folder)


def _drive_halves(folder):
    return drive_datalist(folder, check_content=True) + drive_datalist(folder, "test", check_content=True)


# command, options, the reader of the layout, how many cases it finds, what the command calls them
CASES = [
    ("ultrasound-nerve", (*PLANE, "--test-cases", 1), _nerve_halves, 4, "images"),
    ("breast", PLANE, lambda folder: busi_datalist(folder, check_content=True), 3, "images"),
    ("fetal-head", (*PLANE, "--test-cases", 2), _hc18_halves, 5, "images"),
    ("retina", PLANE, _drive_halves, 3, "images"),
    ("retina", (*PLANE, "--layout", "chasedb1"), lambda folder: chasedb1_datalist(folder, True), 3, "images"),
    ("cta", VOLUME, lambda folder: cta_datalist(folder, check_content=True), 3, "patients"),
    ("cta", (*VOLUME, "--dicom"), lambda folder: cta_datalist(folder, check_content=True), 3, "patients"),
]
COMMANDS = sorted({case[0] for case in CASES})


def simulate(command, folder, *options, cases=3):
    """The run of a command, with the exception that ``main`` would make a sentence of."""
    given = ("simulate", command, "--out", folder, "--cases", cases, *options)
    return CliRunner().invoke(cli.app, [*map(str, given)])


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("command", "options", "read", "count", "unit"), CASES)
def test_the_reader_of_the_layout_takes_it_and_the_seed_decides(tmp_path, command, options, read, count, unit):
    if "--dicom" in options:
        pytest.importorskip("pydicom")
    folder = tmp_path / "out with ü"
    done = simulate(command, folder, *options, "--seed", 7)
    assert done.exit_code == 0, done.exception
    assert done.stdout.splitlines()[-1] == f"3 simulated {unit} in {folder}"
    assert len(read(folder)) == count
    again, other = tmp_path / "again", tmp_path / "other"
    simulate(command, again, *options, "--seed", 7)
    simulate(command, other, *options, "--seed", 8)
    assert files(again) == files(folder)
    assert files(other).keys() == files(folder).keys() and files(other) != files(folder)


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_there_stays(tmp_path, command):
    size = VOLUME if command == "cta" else PLANE
    done = simulate(command, tmp_path / "out", *size, cases=1)
    assert done.exit_code == 0, done.exception
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".csv"}
    content = files(tmp_path)
    assert simulate(command, tmp_path / "out", *size, cases=1).exit_code == 0
    done = simulate(command, tmp_path / "out", *size, "--seed", 1)
    assert isinstance(done.exception, ValueError) and "was simulated with another seed" in str(done.exception)
    assert {path: path.stat().st_mtime_ns for path in before} == before and files(tmp_path) == content
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "keep.txt").write_text("mine")
    done = simulate(command, tmp_path / "mine", *size)
    assert isinstance(done.exception, ValueError) and "holds files that were not simulated" in str(done.exception)
    assert files(tmp_path / "mine") == {"keep.txt": b"mine"}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "options", [("--speckle", "3"), ("--seed", "-1"), ("--seed", "x"), ("--cases", "0"), ("--test-cases", "-1")]
)
def test_options_that_are_unknown_or_out_of_range(tmp_path, command, options):
    done = simulate(command, tmp_path / "out", *options)
    assert done.exit_code == 2 and options[0] in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("command", "options", "words"),
    [
        ("breast", ("--size", "64x48"), "--size '64x48' is not a list of whole numbers: give one such as 8,16."),
        ("breast", ("--size", "64,48,9"), "size is (64, 48, 9): expected 2 numbers of at least 32, at most 4096."),
        ("fetal-head", ("--size", "64,31"), "size is (64, 31): expected 2 numbers of at least 32, at most 4096."),
        ("cta", ("--size", "64,48"), "size is (64, 48): expected 3 numbers of at least 32, at most 1024."),
        ("retina", ("--layout", "stare"), "layout is 'stare': expected drive or chasedb1."),
        ("retina", ("--cases", "41"), "DRIVE numbers 40 images, not 41: give fewer cases, or chasedb1 as layout."),
    ],
)
def test_requests_that_cannot_be_met(tmp_path, monkeypatch, capsys, command, options, words):
    """Through ``main``: one sentence and exit code 2."""
    given = ["nlseg", "simulate", command, "--out", str(tmp_path / "out"), "--cases", "1", *options]
    monkeypatch.setattr(sys, "argv", given)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    printed = capsys.readouterr()
    assert printed.err == f"error: {words}\n" and not printed.out
    assert not (tmp_path / "out").exists()
