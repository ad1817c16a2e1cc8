from __future__ import annotations

import numpy as np
import pytest

from monai_nlseg.training.fingerprint import structure
from monai_nlseg.training.fingerprint.structure import count_specks, crop, median_width


@pytest.mark.parametrize("width", [1, 3, 5, 9])
def test_the_width_of_a_bar(width):
    bar = np.zeros((40, 60), bool)
    bar[10 : 10 + width] = True
    assert median_width(crop(bar), (1.0, 1.0)) == width


def test_the_width_of_a_disk_is_near_its_diameter_although_its_edge_is_rough():
    rows, columns = np.indices((80, 80)) - 40
    disk = rows**2 + columns**2 <= 30**2
    assert median_width(crop(disk), (1.0, 1.0)) == pytest.approx(61, abs=8)


def test_the_width_is_in_voxels_of_the_finest_axis():
    plate = np.zeros((30, 30, 30), bool)
    plate[:, :, 10:13] = True
    assert median_width(crop(plate), (1.0, 1.0, 3.0)) == pytest.approx(3 * 4 - 1)


def test_a_block_stands_for_a_large_structure(monkeypatch):
    bar = np.zeros((40, 400), bool)
    bar[10:15] = True
    monkeypatch.setattr(structure, "BLOCK", 400)
    assert median_width(crop(bar), (1.0, 1.0)) == 5


def test_nothing_has_no_width():
    nothing = crop(np.zeros((5, 5), bool))
    assert nothing.size == 0
    assert median_width(nothing, (1.0, 1.0)) is None
    assert count_specks(nothing) == 0


def test_specks_lie_beside_larger_pieces():
    mask = np.zeros((20, 20), bool)
    mask[0, 0] = mask[0, 5:7] = True
    assert count_specks(mask) == 0  # a class of points alone
    mask[10:15, 10:15] = True
    assert count_specks(mask) == 2
    mask[15, 15] = True  # touches by a corner
    assert count_specks(mask) == 2
