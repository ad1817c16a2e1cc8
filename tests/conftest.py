from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.utils import set_determinism


@pytest.fixture(autouse=True)
def seeded():
    """Every test draws the same numbers each time, whichever ran before it."""
    # What a workflow has set for the whole process makes MONAI's Compose start anew at each inverse.
    set_determinism(None)
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002, MONAI and SciPy may draw from it
