"""Distance of two masks that are taken as sets of lines: the "3D-MHD" of the Non-local U-Nets paper."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from monai_nlseg.metrics.boxes import occupied_box

__all__ = ["line_set_distance"]

WORD_BITS = 64
# Distances that the matrix product holds at once: 16 MiB of float32.
CHUNK_ELEMENTS = 2**22


def line_set_distance(pred: torch.Tensor, label: torch.Tensor, directed: bool = False) -> float:
    """Modified Hausdorff distance between the lines of two masks, mean over the directions.

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
    """Distance of two sets of ``total`` lines, of which all but those in ``pred`` and ``label`` (n, L) are zero."""
    lines, in_pred, in_label = _distinct_lines(pred, label, total - len(pred))
    # A line of both sets has distance zero; only those of one set are searched for.
    pred_only = (in_pred > 0) & (in_label == 0)
    label_only = (in_label > 0) & (in_pred == 0)
    shared = lines[(in_pred > 0) & (in_label > 0)]

    from_pred, from_label = _nearest(lines[pred_only], lines[label_only], device)
    from_pred = np.minimum(from_pred, _nearest(lines[pred_only], shared, device)[0])
    forward = float((np.sqrt(from_pred) * in_pred[pred_only]).sum() / total)
    if directed:
        return forward
    from_label = np.minimum(from_label, _nearest(lines[label_only], shared, device)[0])
    return max(forward, float((np.sqrt(from_label) * in_label[label_only]).sum() / total))


def _distinct_lines(pred: np.ndarray, label: np.ndarray, zero_lines: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The distinct lines of both sets, and how often each stands in either.

    ``zero_lines`` zero lines are added to both.

    Returns:
        Lines (n, words), 64 voxels a word of uint64, and two counts (n,).
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
    return distinct, in_pred, in_label


def _nearest(ours: np.ndarray, theirs: np.ndarray, device: torch.device) -> tuple[np.ndarray, np.ndarray]:
    """For each of our lines (n, words) the squared distance to the nearest of theirs (m, words), and the reverse.

    Between zeros and ones it is the number of differing voxels. Infinite where there is no line to be near to. float64.
    """
    if len(ours) == 0 or len(theirs) == 0:
        return np.full(len(ours), np.inf), np.full(len(theirs), np.inf)
    if device.type != "cpu" or not hasattr(np, "bitwise_count"):  # NumPy 1
        return _nearest_by_product(ours, theirs, device)
    parts = np.array_split(ours, min(torch.get_num_threads(), len(ours)))
    with ThreadPoolExecutor(len(parts)) as pool:
        found = list(pool.map(lambda part: _nearest_by_bits(part, theirs), parts))
    our_nearest = np.concatenate([ours_found for ours_found, _ in found])
    return our_nearest.astype(float), np.min([theirs_found for _, theirs_found in found], axis=0).astype(float)


def _nearest_by_bits(ours: np.ndarray, theirs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Counts the bits in which words differ, one of our lines against all of theirs at a time."""
    counts = np.min_scalar_type(theirs.shape[1] * WORD_BITS)
    columns = np.ascontiguousarray(theirs.T)
    our_nearest = np.empty(len(ours), dtype=counts)
    their_nearest = np.full(len(theirs), np.iinfo(counts).max, dtype=counts)
    differing = np.empty_like(columns[0])
    distance = np.empty(len(theirs), dtype=counts)
    bits = np.empty(len(theirs), dtype=np.uint8)
    for row, line in enumerate(ours):
        np.bitwise_xor(columns[0], line[0], out=differing)
        np.bitwise_count(differing, out=distance)
        for column, word in zip(columns[1:], line[1:]):
            np.bitwise_xor(column, word, out=differing)
            np.bitwise_count(differing, out=bits)
            np.add(distance, bits, out=distance)
        our_nearest[row] = distance.min()
        np.minimum(their_nearest, distance, out=their_nearest)
    return our_nearest, their_nearest


def _nearest_by_product(ours: np.ndarray, theirs: np.ndarray, device: torch.device) -> tuple[np.ndarray, np.ndarray]:
    """|a| + |b| - 2 a.b, by matrix products on ``device``."""
    a, b = (
        torch.from_numpy(np.unpackbits(lines.view(np.uint8), axis=1)).to(device).float() for lines in (ours, theirs)
    )
    a_size, b_size = a.sum(dim=1), b.sum(dim=1)
    a_nearest, b_nearest = torch.full_like(a_size, torch.inf), torch.full_like(b_size, torch.inf)
    step = max(CHUNK_ELEMENTS // len(b), 1)
    # Products of zeros and ones must stay exact whatever precision the caller trains in.
    with torch.autocast(device.type, enabled=False):
        for first in range(0, len(a), step):
            chunk = slice(first, first + step)
            squared = torch.addmm(b_size, a[chunk], b.T, alpha=-2).add_(a_size[chunk, None])
            a_nearest[chunk] = squared.amin(dim=1)
            b_nearest = torch.minimum(b_nearest, squared.amin(dim=0))
    return a_nearest.double().cpu().numpy(), b_nearest.double().cpu().numpy()
