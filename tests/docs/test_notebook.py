"""The notebook of the tutorials runs from its first cell to its last."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[2] / "docs/tutorials/train-in-python.ipynb"


def cells() -> list[str]:
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


def test_the_notebook_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for cell in cells():
        # Fewer steps: what the cells call is tested here, not what a network learns.
        exec(cell.replace("iterations=40", "iterations=2").replace("cases=24", "cases=10"), names)
    assert "<table" in names["found"]._repr_html_() and "<table" in names["chosen"]._repr_html_()
    assert (tmp_path / "runs/breast/bundle/models/model.pt").is_file()
    assert "mean Dice" in str(names["result"])
