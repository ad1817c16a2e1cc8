from __future__ import annotations

import subprocess
from types import SimpleNamespace
from typing import Any

import pytest

from monai_nlseg.bench import run
from tests.forked import run_module


@pytest.fixture(autouse=True, scope="package")
def forked():
    """Fork the processes in which engines and networks are measured."""

    def forked_run(command: list[str], **_: Any) -> subprocess.CompletedProcess:
        _, module, *arguments = command[1:]
        return run_module(module, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "subprocess", SimpleNamespace(run=forked_run))
        yield
