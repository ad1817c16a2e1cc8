from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from monai_nlseg.metrics import line_sets
from monai_nlseg.metrics.line_sets import line_set_distance
from tests.metrics.masks import brute_lines, mask_pairs


def distance(pred, label, directed=False):
    return line_set_distance(torch.from_numpy(pred.copy()), torch.from_numpy(label.copy()), directed)


@given(mask_pairs(), st.booleans())
def test_equals_every_line_against_every_line(masks, directed):
    assert distance(*masks, directed) == pytest.approx(brute_lines(*masks, directed), abs=1e-9)


@pytest.fixture(params=["bits", "product"])
def search(request, monkeypatch):
    """Either way to search: the product serves GPUs and NumPy 1."""
    if request.param == "product":
        monkeypatch.delattr(np, "bitwise_count", raising=False)
    elif not hasattr(np, "bitwise_count"):
        pytest.skip("NumPy 1 counts no bits")


@pytest.mark.parametrize("length", [63, 64, 65, 128, 129, 255, 256, 300])
def test_lines_of_more_voxels_than_a_word_holds_bits(search, length):
    rng = np.random.default_rng(length)
    pred, label = rng.random((2, 4, length, 3)) < 0.5
    # Lines that differ in the last voxel of the first word or of all.
    pred[0, :, 0] = label[0, :, 0] = False
    pred[0, -1, 0] = True
    label[0, 63 % length, 0] = True
    assert distance(pred, label) == pytest.approx(brute_lines(pred, label), abs=1e-9)


def test_lines_that_differ_everywhere(search):
    full = np.ones((2, 256), dtype=bool)
    assert distance(full, ~full) == pytest.approx((16 + np.sqrt(2)) / 2)


@pytest.mark.parametrize("elements", [1, 7, 50])
def test_chunks_do_not_show(monkeypatch, elements):
    pred, label = np.random.default_rng(0).random((2, 7, 8, 9)) < 0.4
    monkeypatch.delattr(np, "bitwise_count", raising=False)
    monkeypatch.setattr(line_sets, "CHUNK_ELEMENTS", elements)
    assert distance(pred, label) == pytest.approx(brute_lines(pred, label), abs=1e-9)


@pytest.mark.parametrize("lines", [1, 3])
def test_blocks_do_not_show(monkeypatch, lines):
    pred, label = np.random.default_rng(0).random((2, 7, 8, 9)) < 0.4
    monkeypatch.setattr(line_sets, "BLOCK_LINES", lines)
    assert distance(pred, label) == pytest.approx(brute_lines(pred, label), abs=1e-9)


@given(mask_pairs())
def test_is_symmetric(masks):
    assert distance(*masks) == pytest.approx(distance(*masks[::-1]), abs=1e-12)


@given(mask_pairs())
def test_is_zero_for_equal_masks(masks):
    assert distance(masks[0], masks[0]) == 0


@given(mask_pairs(), st.data())
def test_axes_may_be_permuted_and_flipped(masks, data):
    axes = data.draw(st.permutations(range(masks[0].ndim)))
    flipped = data.draw(st.sets(st.sampled_from(axes)))
    turned = [np.flip(np.transpose(mask, axes), tuple(flipped)) for mask in masks]
    assert distance(*turned) == pytest.approx(distance(*masks), abs=1e-12)


@given(mask_pairs(), st.integers(1, 3))
def test_padding_lowers_it_unless_it_is_zero(masks, width):
    padded = distance(*[np.pad(mask, width) for mask in masks])
    assert padded == pytest.approx(brute_lines(*[np.pad(mask, width) for mask in masks]), abs=1e-9)
    assert padded < distance(*masks) or padded == distance(*masks) == 0


def test_does_not_see_where_a_line_stands():
    diagonal = np.eye(6, dtype=bool)
    assert distance(diagonal, diagonal[::-1]) == 0


def test_is_exact_under_autocast(search):
    pred, label = np.random.default_rng(0).random((2, 40, 45, 50)) < 0.5
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert distance(pred, label) == pytest.approx(brute_lines(pred, label), abs=1e-9)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_on_a_gpu():
    pred, label = np.random.default_rng(0).random((2, 30, 35, 40)) < 0.5
    value = line_set_distance(torch.from_numpy(pred).cuda(), torch.from_numpy(label).cuda())
    assert value == pytest.approx(brute_lines(pred, label), abs=1e-9)
