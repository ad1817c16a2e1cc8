"""Calls that cannot be done end in one sentence, soon, without much memory and without a change to any file."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.bad_calls.calls import calls
from tests.bad_calls.workspace import make_workspace
from tests.forked import Forked

MOST_CHARACTERS = 400
MOST_BYTES = 1.5e9
MOST_SECONDS = 20
BATCHES = 2
ROOT = Path(__file__).parents[2]


CALLS = [call if quick else pytest.param(call, marks=pytest.mark.slow) for call, quick in calls().items()]


@pytest.fixture(scope="module")
def results(request, tmp_path_factory) -> dict[str, dict]:
    """Call -> what came of it, of the calls that are asked for; each batch is called in a process of its own."""
    mine = [item for item in request.session.items if getattr(item, "module", None) is request.module]
    asked = {item.callspec.params["call"] for item in mine if hasattr(item, "callspec")}
    chosen = [call for call in calls() if call in asked]
    folder = tmp_path_factory.mktemp("bad_calls")
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "COLUMNS": "120"}
    children = []
    for batch in range(BATCHES):
        make_workspace(folder / f"files_{batch}")
        (folder / f"calls_{batch}.json").write_text(json.dumps(chosen[batch::BATCHES]))
        files = [str(folder / f"calls_{batch}.json"), str(folder / f"results_{batch}.jsonl")]
        children.append(Forked("tests.bad_calls.child", files, environment, folder / f"files_{batch}"))
    for child in children:
        child.wait(timeout=900)
    found = {}
    for batch in range(BATCHES):
        lines = (folder / f"results_{batch}.jsonl").read_text().splitlines()
        found |= dict(zip(chosen[batch::BATCHES], map(json.loads, lines)))
    return found


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call[:80].replace("::", ":"))
def test_it_ends_in_one_sentence(call, results):
    found = results[call]  # missing if the process ended with it
    # Of a bundle that is not trusted, a line before the error says so.
    error = "\n".join(line for line in found["err"].splitlines() if not line.startswith("note: the bundle ")).strip()
    assert found["code"] == 2, (found["code"], found["out"], error)
    assert "Traceback" not in error + found["out"]
    if not _is_usage(error):
        assert error.startswith("error: ") and len(error.splitlines()) == 1 and error.isprintable(), error
        assert len(error) <= MOST_CHARACTERS, error
    assert not found["changed"]
    assert found["bytes"] < MOST_BYTES and found["seconds"] < MOST_SECONDS


def test_there_are_calls_of_every_command():
    commands = {call.split()[0] for call, quick in calls().items() if quick}
    assert commands == {
        "bench", "check-bundle", "convert", "demo", "evaluate", "experiment", "export", "infer", "inspect", "kaggle",
        "label-app", "plan", "run", "simulate", "train", "trust",
    }  # fmt: skip
    assert len(calls()) >= 600


def _is_usage(error: str) -> bool:
    """What typer prints of options and arguments."""
    return error.startswith(("Usage: ", "╭─ Error"))
