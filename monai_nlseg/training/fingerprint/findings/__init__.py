"""What a person should know about a data set, one question per file."""

from __future__ import annotations

from monai_nlseg.training.fingerprint.finding import Finding
from monai_nlseg.training.fingerprint.findings.classes import find_rare_classes
from monai_nlseg.training.fingerprint.findings.duplicates import find_duplicates
from monai_nlseg.training.fingerprint.findings.intensities import find_intensity_faults
from monai_nlseg.training.fingerprint.findings.labels import find_suspicious_labels
from monai_nlseg.training.fingerprint.findings.orientations import find_other_orientations
from monai_nlseg.training.fingerprint.findings.outlines import find_outlines
from monai_nlseg.training.fingerprint.findings.spacings import find_other_spacings
from monai_nlseg.training.fingerprint.findings.subjects import find_few_subjects
from monai_nlseg.training.fingerprint.fingerprint import Fingerprint

QUESTIONS = (
    find_few_subjects,
    find_duplicates,
    find_outlines,
    find_suspicious_labels,
    find_rare_classes,
    find_other_orientations,
    find_other_spacings,
    find_intensity_faults,
)


def find_all(found: Fingerprint) -> list[Finding]:
    """Return the findings about the usable cases of a data set.

    Args:
        found: the fingerprint, without findings.
    """
    return [finding for question in QUESTIONS for finding in question(found)]
