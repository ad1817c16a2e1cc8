"""The JSON Schema of experiment files, for editors and for the reference page."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import jsonschema
import pytest

from monai_nlseg import cli
from monai_nlseg.experiments import Experiment, read_experiment, shipped_experiments
from monai_nlseg.experiments.schema.page import schema_page
from tests.experiments.finished import EXPERIMENT

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "experiments-schema.md"


def as_json(content: object) -> object:
    """What an editor sees of YAML, in which keys may be numbers."""
    return json.loads(json.dumps(content))


def test_the_page_is_made_of_the_schema():
    assert PAGE.read_text(encoding="utf-8") == schema_page(), "run `make docs/reference/experiments-schema.md`"


def test_every_key_is_explained():
    schema = Experiment.model_json_schema()
    for entry in (schema, *schema["$defs"].values()):
        assert entry["description"] and all(each["description"] for each in entry["properties"].values())


def test_the_command_prints_it(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["nlseg", "experiment", "schema"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert not end.value.code
    assert json.loads(capsys.readouterr().out) == Experiment.model_json_schema()


@pytest.mark.parametrize("name", shipped_experiments())
def test_shipped_files_keep_to_it(name):
    jsonschema.validate(as_json(read_experiment(name)[1]), Experiment.model_json_schema())


@pytest.mark.parametrize(
    "change",
    [
        {"model": {}},
        {"title": 5},
        {"overlays": -1},
        {"models": {}},
        {"models": {"a": 5}},
        {"tables": []},
        {"grid": {"rate": 0.1}},
        {"protocol": {"fold": 3}},
        {"protocol": {"kind": "loo"}},
        {"protocol": {"ratios": [8, 1, 1]}},
        {"tables": [{"title": "T", "columns": {}}]},
        {"tables": [{"title": "T", "columns": {"a": {"quantity": "speed"}}}]},
        {"figures": [{"kind": "pie", "title": "F", "x": "s"}]},
    ],
)
def test_an_editor_finds_mistakes(change):
    schema = Experiment.model_json_schema()
    jsonschema.validate(as_json(EXPERIMENT | {"models": {"a": None}}), schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(as_json(EXPERIMENT | change), schema)
