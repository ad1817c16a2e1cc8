from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "commands.md"


@pytest.mark.skipif(
    not importlib.metadata.version("typer").startswith("0.29."), reason="this version of typer words the page otherwise"
)
def test_the_page_of_the_commands_is_what_the_commands_say():
    docs = [sys.executable, "-m", "typer", "monai_nlseg.cli", "utils", "docs", "--name", "nlseg", "--title", "Commands"]
    written = subprocess.run(docs, capture_output=True, text=True, check=True).stdout
    assert PAGE.read_text(encoding="utf-8").strip() == written.strip(), "run `make docs/reference/commands.md`"
