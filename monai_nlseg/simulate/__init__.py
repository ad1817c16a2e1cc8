"""Simulated stand-ins for data that cannot be shipped, in the official layouts.

No patient's data are in them: results on them show that software works, not how well it segments patients.
"""

from __future__ import annotations

from monai_nlseg.simulate.breast import simulate_breast
from monai_nlseg.simulate.cta import CTA_SHAPE, simulate_cta
from monai_nlseg.simulate.fetal_head import HC18_SIZE, simulate_fetal_head
from monai_nlseg.simulate.iseg import ISEG_SHAPE, simulate_iseg
from monai_nlseg.simulate.retina import CHASEDB1_SIZE, DRIVE_SIZE, simulate_retina
from monai_nlseg.simulate.ultrasound_nerve import NERVE_SIZE, simulate_ultrasound_nerve

__all__ = [
    "CHASEDB1_SIZE",
    "CTA_SHAPE",
    "DRIVE_SIZE",
    "HC18_SIZE",
    "ISEG_SHAPE",
    "NERVE_SIZE",
    "simulate_breast",
    "simulate_cta",
    "simulate_fetal_head",
    "simulate_iseg",
    "simulate_retina",
    "simulate_ultrasound_nerve",
]
