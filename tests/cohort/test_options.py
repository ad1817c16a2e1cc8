from __future__ import annotations

import pytest

from monai_nlseg.cohort import RunOptions

BASE = {"bundle": "b", "output": "o", "overrides": {"step": 8, "checkpoint": "x.pt"}, "extras": ("uncertainty",)}


def digest(**changes):
    return RunOptions(**BASE | changes).digest("1")


@pytest.mark.parametrize(
    "change",
    [
        {"overrides": {"step": 16, "checkpoint": "x.pt"}},
        {"overrides": {"step": "8", "checkpoint": "x.pt"}},
        {"overrides": {"step": 8}},
        {"overrides": {}},
        {"format": "nifti"},
        {"postfix": "labels"},
        {"extras": ()},
        {"extras": ("uncertainty", "probabilities")},
        {"batch": 2},
    ],
)
def test_what_changes_outputs_changes_the_digest(change):
    assert digest(**change) != digest()


@pytest.mark.parametrize(
    "change",
    [
        {"overrides": {"checkpoint": "x.pt", "step": 8}},
        {"output": "elsewhere"},
        {"bundle": "path/of/b"},
        {"seconds": 10.0},
        {"memory": 10**9},
        {"previews": False},
        {"extras": ("uncertainty", "uncertainty")},
    ],
)
def test_what_does_not_change_outputs_does_not(change):
    assert digest(**change) == digest()


def test_the_bundle_and_the_order_of_extras():
    assert RunOptions(**BASE).digest("1") != RunOptions(**BASE).digest("2")
    both = ("uncertainty", "probabilities")
    assert digest(extras=both) == digest(extras=both[::-1])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": "nii"}, "format 'nii' is unknown: choose auto, nifti, nrrd, mha, png, dicom-seg"),
        ({"extras": ("logits",)}, "'logits' cannot be saved: choose probabilities or uncertainty"),
        ({"extras": ("",)}, "'' cannot be saved"),
        ({"postfix": ""}, "postfix '' is not allowed"),
        ({"postfix": "a/b"}, "postfix 'a/b' is not allowed"),
        ({"postfix": "uncertainty"}, "postfix 'uncertainty' is not allowed"),
        ({"postfix": "my_probabilities"}, "postfix 'my_probabilities' is not allowed"),
        ({"batch": 0}, "batch is 0: give a whole number from 1 to 1,000,000"),
        ({"seconds": -1.0}, "seconds is -1.0"),
        ({"seconds": float("nan")}, "seconds is nan"),
        ({"seconds": float("inf")}, "seconds is inf"),
        ({"memory": 0}, "memory is 0"),
        ({"memory": 10**20}, "memory is 100000000000000000000"),
        ({"batch": 10**12}, "batch is 1000000000000"),
        ({"postfix": "a\nb"}, "postfix .* is not allowed"),
        ({"postfix": "a" * 500}, "postfix .* is not allowed"),
        ({"postfix": ".."}, "postfix '..' is not allowed"),
        ({"output": ""}, "the output is empty"),
    ],
)
def test_options_that_make_no_sense(change, words):
    with pytest.raises(ValueError, match=words):
        RunOptions(**BASE | change)
