from __future__ import annotations

import numpy as np
import pytest
import torch


@pytest.fixture(autouse=True)
def seeded():
    """Every test draws the same numbers each time, whichever ran before it."""
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002, MONAI and SciPy may draw from it
