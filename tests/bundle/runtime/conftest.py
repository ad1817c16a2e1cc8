from __future__ import annotations

from tests.cohort.conftest import made, without_scripts

__all__ = ["made", "without_scripts"]
