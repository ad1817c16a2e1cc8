"""What the segments of a DICOM SEG are, in SNOMED CT's terms."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from monai_nlseg.io.dicom.header import require

GENERIC = ("Tissue", "Tissue", None)
"""Properties of a name that is not among :data:`PROPERTIES`; the segment still has the name itself as its label."""
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
"""Name of a label in lower case -> category, type and, if the type leaves it open, region, by pydicom's names."""

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


def describe_segments(names: Mapping[int, str], bundle: str, version: str) -> list[Any]:
    """Return a description by highdicom of each label, numbered from 1 in the order of the labels.

    Args:
        names: label -> name; the first 64 characters are kept. Names that are not in :data:`PROPERTIES` become tissue.
        bundle: name of the bundle that made the labels.
        version: version of the bundle.

    Raises:
        ValueError: without highdicom.
    """
    hd = require("highdicom")
    codes = require("pydicom.sr.codedict").codes
    algorithm = hd.AlgorithmIdentificationSequence(
        name=bundle, family=codes.DCM.ArtificialIntelligence, version=version
    )
    found = []
    for number, (_, name) in enumerate(sorted(names.items()), 1):
        category, kind, region = PROPERTIES.get(re.sub(r"[\s_-]+", " ", name.strip().lower()), GENERIC)
        colour = hd.color.CIELabColor.from_rgb(*COLOURS[(number - 1) % len(COLOURS)])
        found.append(
            hd.seg.SegmentDescription(
                segment_number=number,
                segment_label=name[:64],
                segmented_property_category=getattr(codes.SCT, category),
                segmented_property_type=getattr(codes.SCT, kind),
                algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
                algorithm_identification=algorithm,
                anatomic_regions=[getattr(codes.SCT, region)] if region else None,
                display_color=colour,
            )
        )
    return found
