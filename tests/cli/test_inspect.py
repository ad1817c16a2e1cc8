from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from monai_nlseg.cli import app
from monai_nlseg.training.fingerprint.json_text import from_json
from tests.training.fingerprint.small_data import boxes, intensities, volume_case


def run(*arguments):
    return CliRunner().invoke(app, ["inspect", *map(str, arguments), "--jobs", "1"])


@pytest.fixture
def data(tmp_path):
    root = tmp_path / "data"
    for name in "abc":
        volume_case(root, name)
    return root


def test_a_data_set_is_printed_and_written(data, tmp_path):
    done = run(data, "--output", tmp_path / "out")
    assert done.exit_code == 0
    assert "3 of 3 cases usable" in done.stdout
    assert "Classes" in done.stdout
    assert "wrote" in done.stdout
    assert (tmp_path / "out" / "inspection.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert len(from_json((tmp_path / "out" / "fingerprint.json").read_text(encoding="utf-8")).cases) == 3


def test_json_alone_is_printed_and_cases_with_errors_change_the_exit_code(data):
    volume_case(data, "broken", intensities(0), boxes((12, 10, 7)))
    done = run(data, "--json")
    assert done.exit_code == 3
    found = from_json(done.stdout)
    assert found.unusable == ("broken",)
    assert json.loads(done.stdout)["version"] == 1


def test_patterns(data):
    done = run("--images", data / "images" / "*.nii", "--labels", data / "labels" / "*.nii", "--subject", "([a-c])")
    assert done.exit_code == 0
    assert "3 subjects" in done.stdout


def test_nothing_usable_is_an_error(tmp_path):
    volume_case(tmp_path / "data", "a", intensities(0), boxes((12, 10, 7)))
    error = run(tmp_path / "data").exception
    assert isinstance(error, ValueError)
    assert "can be used" in str(error)


@pytest.mark.parametrize("output", ["file", "file/below"])
def test_a_file_as_output_is_refused_before_the_data_are_looked_at(tmp_path, output):
    (tmp_path / "file").touch()
    error = run(tmp_path / "nowhere", "--output", tmp_path / output).exception
    assert isinstance(error, ValueError)
    assert "give a folder for the results" in str(error)


def test_an_unknown_layout_is_shown_beside_the_expected_ones(tmp_path):
    done = run(tmp_path)
    assert "imagesTr" in done.stdout
    assert "is empty" in str(done.exception)
    assert "\n" not in str(done.exception)
    assert run(tmp_path, "--json").stdout == ""


def test_classes_are_named_on_the_command_line(data):
    done = run(data, "--classes", "1+2=brain")
    assert done.exit_code == 0
    assert "Classes: brain." in done.stdout
    assert "CSF" in str(run(data, "--classes", "x").exception)
