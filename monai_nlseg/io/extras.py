"""Names of the maps that `nlseg infer --save` writes beside a label map."""

from __future__ import annotations

__all__ = ["EXTRAS"]

EXTRAS = ("probabilities", "uncertainty")
"""The ends of the files' names, as in ``NAME_probabilities.nii.gz``; none of them is a label map."""
