"""Distance between two masks, each as a set of lines: the "3D-MHD" of the Non-local U-Nets paper."""

from __future__ import annotations

import numpy as np
import torch

from monai_nlseg.metrics.boxes import occupied_box

WORD_BITS = 64
# Lines searched for together: few, so that they are alike and their distances stay in the processor's cache.
BLOCK_LINES = 32
# Distances that the matrix product holds at once: 16 MiB of float32.
CHUNK_ELEMENTS = 2**22


def line_set_distance(pred: torch.Tensor, label: torch.Tensor, directed: bool = False) -> float:
    """Return the modified Hausdorff distance between the lines of two masks, as the mean over the directions.

    Args:
        pred: boolean (*spatial).
        label: boolean, of the same shape and on the same device.
        directed: only from the lines of ``pred`` to those of ``label``.

    Returns:
        0 to the root of the longest axis; 0 where both masks are empty.
    """
    # Outside this box all lines are zero and all bits agree: the lines are counted there, not compared.
    box = occupied_box((pred | label)[None])
    if box is None:
        return 0.0
    crops = [mask[box].cpu().numpy() for mask in (pred, label)]
    distances = []
    for axis, length in enumerate(pred.shape):
        lines = [np.moveaxis(crop, axis, -1).reshape(-1, crop.shape[axis]) for crop in crops]
        distances.append(_one_direction(lines[0], lines[1], pred.numel() // length, directed, pred.device))
    return sum(distances) / len(distances)


def _one_direction(pred: np.ndarray, label: np.ndarray, total: int, directed: bool, device: torch.device) -> float:
    """Return the distance of two sets of ``total`` lines; all but those in ``pred`` and ``label`` (n, L) are zero."""
    lines, reach, in_pred, in_label = _distinct_lines(pred, label, total - len(pred))
    forward = _mean_nearest(lines, reach, in_pred, in_label, device)
    return forward if directed else max(forward, _mean_nearest(lines, reach, in_label, in_pred, device))


def _mean_nearest(
    lines: np.ndarray, reach: np.ndarray, in_ours: np.ndarray, in_theirs: np.ndarray, device: torch.device
) -> float:
    """Return the mean distance from our lines to the nearest of theirs, given how often each line occurs."""
    # A line of both sets has distance zero; only lines that are ours alone are searched for.
    alone = (in_ours > 0) & (in_theirs == 0)
    theirs = lines[in_theirs > 0]
    if device.type == "cpu" and hasattr(np, "bitwise_count"):  # since NumPy 2
        nearest = _nearest_by_bits(lines[alone], reach[alone], theirs)
    else:
        nearest = _nearest_by_product(lines[alone], theirs, device)
    return float((np.sqrt(nearest) * in_ours[alone]).sum() / in_ours.sum())


def _distinct_lines(
    pred: np.ndarray, label: np.ndarray, zero_lines: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return the distinct lines of both sets, a bound on their distances, and how often each occurs in either.

    ``zero_lines`` zero lines are added to both.

    Returns:
        Lines (n, words), 64 voxels in each word of uint64; for a line of one set only, in how many voxels the line in
        its place in the other set differs (n,); and two counts (n,).
    """
    count, length = pred.shape
    packed = np.packbits(np.concatenate([pred, label, np.zeros_like(pred[:1])]), axis=1)
    words = np.zeros((len(packed), -(-length // WORD_BITS)), dtype=np.uint64)
    words.view(np.uint8)[:, : packed.shape[1]] = packed

    # np.unique(axis=0) compares rows byte by byte and takes many times as long.
    order = np.lexsort(words.T)
    words = words[order]
    new = np.ones(len(words), dtype=bool)
    new[1:] = (words[1:] != words[:-1]).any(axis=1)
    index = np.empty(len(words), dtype=np.intp)
    index[order] = new.cumsum() - 1

    distinct = words[new]
    in_pred = np.bincount(index[:count], minlength=len(distinct))
    in_label = np.bincount(index[count:-1], minlength=len(distinct))
    in_pred[index[-1]] += zero_lines
    in_label[index[-1]] += zero_lines
    reach = np.full(len(distinct), length)
    in_place = np.count_nonzero(pred != label, axis=1)
    for places in (index[:count], index[count:-1]):
        np.minimum.at(reach, places, in_place)
    return distinct, reach, in_pred, in_label


def _nearest_by_bits(ours: np.ndarray, reach: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Return each of our lines' (n, words) squared distance to the nearest of theirs (m, words), known to be in reach.

    Between zeros and ones it is the number of differing bits. Lines whose numbers of ones differ by more than the reach
    are farther apart than that, so only lines with a similar number of ones are compared.
    """
    our_ones, their_ones = (np.bitwise_count(lines).sum(axis=1, dtype=np.intp) for lines in (ours, theirs))
    order = np.argsort(their_ones)
    their_ones = their_ones[order]
    columns = np.ascontiguousarray(theirs[order].T)
    counts = np.min_scalar_type(len(columns) * WORD_BITS)
    nearest = np.empty(len(ours))
    queue = np.lexsort((our_ones, reach))
    for first in range(0, len(queue), BLOCK_LINES):
        block = queue[first : first + BLOCK_LINES]
        fewest, most = (our_ones[block] - reach[block]).min(), (our_ones[block] + reach[block]).max()
        start, stop = np.searchsorted(their_ones, [fewest, most + 1])
        differing = np.zeros((len(block), stop - start), dtype=counts)
        for word, column in zip(ours[block].T, columns[:, start:stop]):
            differing += np.bitwise_count(word[:, None] ^ column)
        nearest[block] = differing.min(axis=1)
    return nearest


def _nearest_by_product(ours: np.ndarray, theirs: np.ndarray, device: torch.device) -> np.ndarray:
    """Compute the same from matrix products on ``device``, as |a| + |b| - 2 a.b."""
    bits = [np.unpackbits(lines.view(np.uint8), axis=1) for lines in (ours, theirs)]
    a, b = (torch.from_numpy(each).to(device).float() for each in bits)
    nearest = torch.empty(len(a), device=device)
    step = max(CHUNK_ELEMENTS // len(b), 1)
    # Products of zeros and ones must stay exact whatever precision the caller trains in.
    with torch.autocast(device.type, enabled=False):
        b_ones = b.sum(dim=1)
        for first in range(0, len(a), step):
            chunk = slice(first, first + step)
            nearest[chunk] = torch.addmm(b_ones, a[chunk], b.T, alpha=-2).amin(dim=1)
    return (nearest + a.sum(dim=1)).double().cpu().numpy()
