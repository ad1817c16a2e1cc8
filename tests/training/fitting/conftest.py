from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.fitting import small


@pytest.fixture(scope="session")
def discs(tmp_path_factory) -> Path:
    """Eight pictures with their masks."""
    return small.pictures(tmp_path_factory.mktemp("discs") / "data")


@pytest.fixture(scope="session")
def whole(discs, tmp_path_factory) -> Path:
    """A run of two folds and a test part that nothing disturbed."""
    output = tmp_path_factory.mktemp("whole") / "run"
    small.trained(small.picture_plan(discs, division__test_share=0.25), output)
    return output
