"""What segments are, in SNOMED CT's terms."""

from __future__ import annotations

__all__ = ["COLOURS", "GENERIC", "PROPERTIES"]

GENERIC = ("Tissue", "Tissue", None)
"""For a name that is not among :data:`PROPERTIES`; the segment still has the name itself as its label."""
CSF = ("BodySubstance", "CerebrospinalFluid", None)
GREY = ("Tissue", "GrayMatter", "Brain")
WHITE = ("Tissue", "WhiteMatter", "Brain")
VESSEL = ("AnatomicalStructure", "BloodVessel", None)
LESION = ("MorphologicallyAbnormalStructure", "Lesion", None)
BREAST_LESION = ("MorphologicallyAbnormalStructure", "Lesion", "Breast")

PROPERTIES: dict[str, tuple[str, str, str | None]] = {
    "csf": CSF,
    "cerebrospinal fluid": CSF,
    "gm": GREY,
    "grey matter": GREY,
    "gray matter": GREY,
    "wm": WHITE,
    "white matter": WHITE,
    "vessel": VESSEL,
    "vessels": VESSEL,
    "blood vessel": VESSEL,
    "nerve": ("AnatomicalStructure", "Nerve", None),
    "brachial plexus": ("AnatomicalStructure", "BrachialPlexus", None),
    "lesion": LESION,
    "breast lesion": BREAST_LESION,
    "breast tumor": BREAST_LESION,
    "breast tumour": BREAST_LESION,
    "fetal head": ("AnatomicalStructure", "Head", None),
    "head": ("AnatomicalStructure", "Head", None),
}
"""Name of a label in lower case -> category, type and, where the type leaves it open, region, by pydicom's names."""

COLOURS = (
    (230, 85, 65),
    (65, 135, 220),
    (240, 200, 70),
    (90, 180, 110),
    (170, 100, 200),
    (70, 190, 200),
    (235, 140, 190),
    (160, 120, 80),
)
"""RGB of the segments in turn."""
