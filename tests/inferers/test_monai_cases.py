"""The cases of MONAI's own test of its sliding window, through :class:`StepWindowInferer`.

They are those of ``tests/inferers/test_sliding_window_inference.py`` of MONAI, as tables of our own. An overlap becomes
the step that MONAI makes of it, ``int(roi * (1 - overlap))`` and at least 1, or the window where it is as large as the
image, so every overlap can be expressed. MONAI's 63 cases of its buffers are 7 images and windows in 9 settings that
have no counterpart here, since sums are always kept for the planes under the current windows only.

What differs:

- ``condition``, ``cval``, ``padding_mode``, ``roi_weight_map``, ``process_fn`` and ``with_coord`` have no counterpart:
  padding is with zeros, weights are by ``mode``.
- No gradient is recorded, where MONAI's result requires one if its input does.
- Outputs of another size than their window, and dictionaries of outputs, are refused. A tuple is taken.
- Results are float32 unless ``dtype`` says otherwise, where MONAI's have the input's dtype.
- Where the padding of an axis is odd, the larger half stands before the image (as in the published code of the
  Non-local U-Nets), in MONAI behind it. This changes the result of a network that sees the padding.
- ``foreground_only=False`` is MONAI's behaviour; it is not the default here.
"""

from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor
from monai.inferers import sliding_window_inference
from monai.utils import ensure_tuple_rep, fall_back_tuple

from monai_nlseg.inferers import StepWindowInferer


def step_of(shape, roi_size, overlap):
    """The step that MONAI makes of an overlap."""
    spatial = shape[2:]
    roi = fall_back_tuple(roi_size, spatial)
    shares = ensure_tuple_rep(overlap, len(spatial))
    return tuple(
        size if size == length else max(int(size * (1 - share)), 1) for size, length, share in zip(roi, spatial, shares)
    )


def inferer_of(shape, roi_size, sw_batch_size, overlap, mode="constant", **options):
    step = step_of(shape, roi_size, overlap)
    return StepWindowInferer(
        roi_size, step, sw_batch_size, activation=None, foreground_only=False, mode=mode, **options
    )


# shape, roi_size, sw_batch_size, overlap, mode
DEFAULT = [
    ((2, 3, 16), (4,), 3, 0.25, "constant"),
    ((2, 3, 16, 15, 7, 9), 4, 3, 0.25, "constant"),
    ((1, 3, 16, 15, 7), (4, -1, 7), 3, 0.25, "constant"),
    ((2, 3, 16, 15, 7), (4, -1, 7), 3, 0.25, "constant"),
    ((3, 3, 16, 15, 7), (4, -1, 7), 3, 0.25, "constant"),
    ((1, 3, 16, 15, 7), (4, 10, 7), 3, 0.25, "constant"),
    ((1, 3, 16, 15, 7), (20, 22, 23), 10, 0.25, "constant"),
    ((2, 3, 15, 7), (2, 6), 1000, 0.25, "constant"),
    ((1, 3, 16, 7), (80, 50), 7, 0.25, "constant"),
    ((1, 3, 16, 15, 7), (20, 22, 23), 10, 0.5, "constant"),
    ((1, 3, 16, 7), (80, 50), 7, 0.5, "gaussian"),
    ((1, 3, 16, 15, 7), (4, 10, 7), 3, 0.25, "gaussian"),
    ((3, 3, 16, 15, 7), (4, 10, 7), 3, 0.25, "gaussian"),
    ((1, 3, 16, 15, 7), (4, 1, 7), 3, 0.25, "constant"),
    ((5, 3, 16, 15, 7), (4, 1, 7), 3, 0.25, "constant"),
]


@pytest.mark.parametrize(("shape", "roi_size", "sw_batch_size", "overlap", "mode"), DEFAULT)
def test_default(shape, roi_size, sw_batch_size, overlap, mode):
    inputs = torch.ones(shape)
    if mode == "constant":
        inputs = torch.arange(inputs.numel(), dtype=torch.float32).reshape(shape)
    result = inferer_of(shape, roi_size, sw_batch_size, overlap, mode)(inputs, lambda windows: windows + 1)
    torch.testing.assert_close(result, inputs + 1)


# shape, roi_size, overlap, sw_batch_size
BUFFERS = [
    ((2, 3, 10, 11), (7, 10), 0.8, 5),
    ((2, 3, 10, 11), (15, 12), 0, 2),
    ((2, 3, 10, 11), (10, 11), 0, 3),
    ((2, 3, 511, 237), (96, 80), 0.4, 5),
    ((2, 3, 512, 245), (96, 80), 0, 5),
    ((2, 3, 512, 245), (512, 80), 0.125, 5),
    ((2, 3, 10, 11, 12), (7, 8, 10), 0.2, 2),
]


@pytest.mark.parametrize(("shape", "roi_size", "overlap", "sw_batch_size"), BUFFERS)
def test_buffers(shape, roi_size, overlap, sw_batch_size):
    dtype = (torch.float32, torch.float64)[roi_size[0] % 2]
    image = torch.randint(0, 255, shape, dtype=dtype, generator=torch.Generator().manual_seed(0))
    mode = ("constant", "gaussian")[shape[1] % 2]
    inferer = inferer_of(shape, roi_size, sw_batch_size, overlap, mode, dtype=dtype)
    result = inferer(image, lambda windows: 2 * windows)
    torch.testing.assert_close(result, 2 * image, atol=1e-3, rtol=1e-6)


@pytest.mark.parametrize("kind", [torch.Tensor, MetaTensor])
def test_default_device(kind):
    inputs = kind(torch.ones(1, 3, 16, 15, 7))
    result = inferer_of(inputs.shape, (4, 10, 7), 10, 0.25)(inputs, lambda windows: windows + 1)
    assert type(result) is type(inputs) and result.device == inputs.device
    torch.testing.assert_close(torch.as_tensor(result), torch.full((1, 3, 16, 15, 7), 2.0))


class CountsCalls:
    """Adds the number of its call, so that the result tells which batch each window went in."""

    def __init__(self):
        self.number = 1

    def __call__(self, windows):
        self.number += 1
        return windows + self.number


@pytest.mark.parametrize(
    ("mode", "sigma_scale", "rows"),
    [
        ("constant", 1.0, [3.0, 3.0, 3.3333333, 3.6666667, 4.3333333, 4.5, 5.0]),
        ("gaussian", 1.0, [3.0, 3.0, 3.3271625, 3.6728377, 4.3271623, 4.513757, 5.0]),
        ("gaussian", [1.0, 1.0], [3.0, 3.0, 3.3271625, 3.6728377, 4.3271623, 4.513757, 5.0]),
    ],
)
def test_sigma(mode, sigma_scale, rows):
    inputs = torch.ones(1, 1, 7, 7)
    result = inferer_of(inputs.shape, (3, 3), 10, 0.5, mode, sigma_scale=sigma_scale)(inputs, CountsCalls())
    torch.testing.assert_close(result, torch.tensor(rows)[:, None].expand(1, 1, 7, 7), rtol=1e-4, atol=1e-5)


def test_args_kwargs():
    inputs, one = torch.ones(1, 1, 3, 3), torch.ones(1)
    inferer = inferer_of(inputs.shape, (5, 5), 10, 0.5, progress=True)
    result = inferer(inputs, lambda windows, first, second: windows + first + second, one, second=one)
    torch.testing.assert_close(result, torch.full((1, 1, 3, 3), 3.0))


def test_multioutput_of_the_size_of_the_window():
    inputs = torch.ones(1, 6, 20, 20)
    first, second = inferer_of(inputs.shape, (8, 8), 10, 0.5)(
        inputs, lambda windows: (windows + 1, windows[:, ::3] + 2)
    )
    torch.testing.assert_close(first, torch.full((1, 6, 20, 20), 2.0))
    torch.testing.assert_close(second, torch.full((1, 2, 20, 20), 3.0))


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (lambda windows: windows[:, :, ::2, ::2], r"returned \[4, 4\] for a window of \[8, 8\]"),
        (lambda windows: {1: windows}, "returned a dict: wrap it"),
    ],
)
def test_multioutput_of_other_forms_is_refused(network, words):
    with pytest.raises(ValueError, match=words):
        inferer_of((1, 6, 20, 20), (8, 8), 10, 0.5)(torch.ones(1, 6, 20, 20), network)


@pytest.mark.parametrize("shape", [(1, 16, 16, 16), (16, 16, 16)])
def test_strict_shape_validation(shape):
    with pytest.raises(ValueError, match="length"):
        StepWindowInferer((16, 16, 16), 8, activation=None)(torch.ones(shape), lambda windows: windows)


def test_odd_padding_is_where_it_is_said_to_be():
    """The one difference that changes values: the larger half before the image here, behind it in MONAI."""
    ramp = torch.arange(4.0).reshape(1, 1, 4)
    inputs = torch.ones(1, 1, 3)
    ours = inferer_of(inputs.shape, (4,), 1, 0.5)(inputs, lambda windows: windows * ramp)
    theirs = sliding_window_inference(inputs, (4,), 1, lambda windows: windows * ramp, 0.5)
    assert ours.flatten().tolist() == [1.0, 2.0, 3.0] and theirs.flatten().tolist() == [0.0, 1.0, 2.0]
