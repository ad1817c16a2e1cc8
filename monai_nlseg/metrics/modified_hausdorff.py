"""Modified Hausdorff distance, in both senses of the name."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from monai.config.type_definitions import NdarrayOrTensor
from monai.metrics.utils import ignore_background
from monai.utils import MetricReduction

from monai_nlseg.metrics.boxes import Roi, evaluation_boxes
from monai_nlseg.metrics.case_metric import CaseMetric
from monai_nlseg.metrics.line_sets import line_set_distance
from monai_nlseg.metrics.masks import mask_pair
from monai_nlseg.metrics.point_sets import point_set_distance
from monai_nlseg.metrics.spacing import Spacing, voxel_edges


def compute_modified_hausdorff(
    y_pred: NdarrayOrTensor,
    y: NdarrayOrTensor,
    include_background: bool = False,
    definition: str = "lines",
    spacing: Spacing = None,
    directed: bool = False,
    points: str = "all",
    roi: Roi = None,
) -> torch.Tensor:
    """Compute the modified Hausdorff distance (MHD) of each case and class.

    ``definition="lines"`` is the "3D-MHD" of Non-local U-Nets: along each axis a mask is the set of its lines of
    voxels, vectors of zeros and ones with Euclidean distance; the larger of the two mean distances from a line of one
    mask to the nearest of the other; the mean over the three axes, in 2D over the two. It has no unit. Zero lines
    count and agree, so the value falls as the box grows: give ``roi``, and report the result of
    :func:`evaluation_boxes`. The position of a line has no effect: zero does not mean that the masks are equal.

    ``definition="surface"`` is the common meaning of the name: the larger of the two mean distances from a foreground
    point of one mask to the nearest of the other, in mm. The box matters only where it cuts foreground off.

    Sources: Wang, Zou, Shen, Ji, Non-local U-Nets for Biomedical Image Segmentation, AAAI 2020, section "Experimental
    Setup"; Dubuisson, Jain, A Modified Hausdorff Distance for Object Matching, ICPR 1994, distance d_6 with f_2.

    Args:
        y_pred: prediction (B, C, *spatial) with two or three spatial dimensions, one-hot, values 0 and 1; on the CPU
            or a GPU ("surface" is computed on the CPU).
        y: reference of the same shape and kind.
        include_background: compare channel 0 too; a single channel is always compared.
        definition: "lines" or "surface".
        spacing: for "surface", voxel edges in mm: a number, one for each spatial axis, or such a row for each case;
            None for distances in voxels.
        directed: only from the prediction to the reference. With "lines" an empty prediction then has distance 0
            wherever the reference contains a zero line.
        points: for "surface", "all" foreground voxels or those at its "edge", which have a face neighbour outside.
        roi: box in which to compare, see :func:`evaluation_boxes`; None for the whole volume.

    Returns:
        (B, C') float32 on the device of ``y``, C' being C or C - 1; 0 or more and always finite. Where both masks are
        empty it is 0. Where one is, "lines" needs no rule, as zero lines are lines, and "surface" gives the diagonal
        of the whole volume, more than any two voxels in it are apart: a missed or spurious structure raises a mean.

    Raises:
        ValueError: for masks that are not one-hot or differ in shape, an unknown word, a spacing that is not positive
            or does not fit the axes, ``spacing`` or ``points`` with "lines", or a ``roi`` that does not fit.

    Examples::

        >>> y = torch.zeros(1, 1, 4, 5, 6)
        >>> y[..., 1:3, 1:4, 1:5] = 1
        >>> y_pred = torch.zeros(1, 1, 4, 5, 6)
        >>> y_pred[..., 1:4, 1:3, 2:5] = 1
        >>> compute_modified_hausdorff(y_pred, y)
        tensor([[0.3583]])
        >>> compute_modified_hausdorff(y_pred, y, roi="nonzero")
        tensor([[0.8746]])
    """
    pred, label = mask_pair(y_pred, y, include_background=True)
    if label.dim() not in (4, 5):
        raise ValueError(
            f"the masks have shape {list(label.shape)}, expected (B, C, H, W) or (B, C, D, H, W): give masks of two or "
            "three spatial dimensions."
        )
    boxes = evaluation_boxes(pred, label, roi)
    if not include_background:
        pred, label = ignore_background(pred, label)
    if points not in ("all", "edge"):
        raise ValueError(f"points is '{points}', expected 'all' or 'edge': give one of them.")
    if definition == "lines":
        if spacing is not None or points != "all":
            raise ValueError(
                f"definition 'lines' was given spacing {spacing} and points '{points}', but lines have neither unit "
                "nor edge: leave both out, or give definition='surface'."
            )
        edges = np.ones((len(label), label.dim() - 2))
    elif definition == "surface":
        edges = voxel_edges(spacing, len(label), label.dim() - 2)
    else:
        raise ValueError(f"definition is '{definition}', expected 'lines' or 'surface': give one of them.")
    missing = np.linalg.norm(edges * label.shape[2:], axis=1)

    distances = torch.zeros(label.shape[:2])
    for case, box in enumerate(boxes):
        for channel in range(label.shape[1]):
            masks = pred[case, channel][box], label[case, channel][box]
            if definition == "lines":
                distances[case, channel] = line_set_distance(*masks, directed)
            else:
                distances[case, channel] = point_set_distance(
                    *masks, edges[case], points, directed, float(missing[case])
                )
    return distances.to(label.device)


class ModifiedHausdorffMetric(CaseMetric):
    """Cumulative form of :func:`compute_modified_hausdorff`.

    Takes batch-first tensors (B, C, *spatial), or lists of channel-first ones whose shapes may differ. ``spacing`` and
    ``roi`` can be given for a call, ``metric(y_pred, y, spacing=..., roi=...)``; with lists they apply to every case.

    Args:
        include_background: compare channel 0 too.
        definition: "lines" or "surface".
        spacing: voxel edges in mm for "surface", unless given for a call.
        directed: only from the prediction to the reference.
        points: "all" or "edge", for "surface".
        roi: None, "full", "nonzero" or a mask, unless given for a call.
        reduction: how :meth:`aggregate` reduces, see :class:`monai.metrics.DiceMetric`.
        get_not_nans: whether :meth:`aggregate` also returns the number of values, none of which is NaN.
    """

    def __init__(
        self,
        include_background: bool = False,
        definition: str = "lines",
        spacing: Spacing = None,
        directed: bool = False,
        points: str = "all",
        roi: Roi = None,
        reduction: MetricReduction | str = MetricReduction.MEAN,
        get_not_nans: bool = False,
    ) -> None:
        super().__init__(reduction, get_not_nans)
        self.include_background = include_background
        self.definition = definition
        self.spacing = spacing
        self.directed = directed
        self.points = points
        self.roi = roi

    def _compute_tensor(self, y_pred: torch.Tensor, y: torch.Tensor, **kwargs: Any) -> torch.Tensor:
        return compute_modified_hausdorff(
            y_pred,
            y,
            include_background=self.include_background,
            definition=self.definition,
            spacing=kwargs.get("spacing", self.spacing),
            directed=self.directed,
            points=self.points,
            roi=kwargs.get("roi", self.roi),
        )
