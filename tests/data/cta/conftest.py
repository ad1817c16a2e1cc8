from __future__ import annotations

import numpy as np
import pytest

from tests.data.cta.files import save, voxels


@pytest.fixture
def folder(tmp_path):
    for subject, ending in (("patient-1", ".nii.gz"), ("patient-2", ".nii")):
        image = voxels(len(ending))
        save(tmp_path / subject / f"image{ending}", image)
        save(tmp_path / subject / f"label{ending}", (image > 500).astype(np.uint8))
    return tmp_path
