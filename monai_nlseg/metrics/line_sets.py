"""Distance of two masks that are taken as sets of lines: the "3D-MHD" of the Non-local U-Nets paper."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from monai_nlseg.metrics.boxes import occupied_box

__all__ = ["line_set_distance"]

# Every integer of so many bits is exact in float32.
WORD_BITS = 24
# Distances held at once: 16 MiB of float32.
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
    distances = []
    # Products of zeros and ones must stay exact whatever precision the caller trains in.
    with torch.autocast(pred.device.type, enabled=False):
        for axis, length in enumerate(pred.shape):
            lines = [mask[box].movedim(axis, -1).flatten(end_dim=-2) for mask in (pred, label)]
            distances.append(_one_direction(lines[0], lines[1], pred.numel() // length, directed))
    return sum(distances) / len(distances)


def _one_direction(pred: torch.Tensor, label: torch.Tensor, total: int, directed: bool) -> float:
    """Distance of two sets of ``total`` lines, of which all but those in ``pred`` and ``label`` (n, L) are zero."""
    lines, in_pred, in_label = _distinct_lines(pred, label, total - len(pred))
    # A line of both sets has distance zero; only those of one set are searched for.
    pred_only = (in_pred > 0) & (in_label == 0)
    label_only = (in_label > 0) & (in_pred == 0)
    shared = lines[(in_pred > 0) & (in_label > 0)]

    from_pred, from_label = _nearest(lines[pred_only], lines[label_only])
    from_pred = torch.minimum(from_pred, _nearest(lines[pred_only], shared)[0])
    forward = (from_pred.double().sqrt() * in_pred[pred_only]).sum().item() / total
    if directed:
        return forward
    from_label = torch.minimum(from_label, _nearest(lines[label_only], shared)[0])
    backward = (from_label.double().sqrt() * in_label[label_only]).sum().item() / total
    return max(forward, backward)


def _distinct_lines(
    pred: torch.Tensor, label: torch.Tensor, zero_lines: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The distinct lines (n, L) of both sets as float32 zeros and ones, and how often each stands in either.

    ``zero_lines`` zero lines are added to both.
    """
    count, length = pred.shape
    words = -(-length // WORD_BITS)
    lines = torch.cat([pred, label, pred.new_zeros(1, length)])
    lines = F.pad(lines, (0, words * WORD_BITS - length)).unflatten(1, (words, WORD_BITS))
    places = torch.arange(WORD_BITS, device=pred.device)
    keys = lines.float() @ (1 << places).float()

    distinct, index = torch.unique(keys, dim=0, return_inverse=True)
    in_pred = torch.bincount(index[:count], minlength=len(distinct))
    in_label = torch.bincount(index[count:-1], minlength=len(distinct))
    in_pred[index[-1]] += zero_lines
    in_label[index[-1]] += zero_lines
    bits = (distinct.int().unsqueeze(-1) >> places.int()) & 1
    return bits.flatten(start_dim=1)[:, :length].float(), in_pred, in_label


def _nearest(ours: torch.Tensor, theirs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """For each of our lines (n, L) the squared distance to the nearest of theirs (m, L), and the other way round.

    Infinite where there is no line to be near to. Between zeros and ones it is the number of differing voxels,
    |a| + |b| - 2 a.b.
    """
    our_nearest = ours.new_full((len(ours),), torch.inf)
    their_nearest = theirs.new_full((len(theirs),), torch.inf)
    if len(ours) == 0 or len(theirs) == 0:
        return our_nearest, their_nearest
    our_size, their_size = ours.sum(dim=1), theirs.sum(dim=1)
    step = max(CHUNK_ELEMENTS // len(theirs), 1)
    for first in range(0, len(ours), step):
        chunk = slice(first, first + step)
        squared = torch.addmm(their_size, ours[chunk], theirs.T, alpha=-2).add_(our_size[chunk, None])
        our_nearest[chunk] = squared.amin(dim=1)
        their_nearest = torch.minimum(their_nearest, squared.amin(dim=0))
    return our_nearest, their_nearest
