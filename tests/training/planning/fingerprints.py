"""Fingerprints of data sets that do not exist."""

from __future__ import annotations

from monai_nlseg.training.cases.case import Classes, LabelClass, TrainingCase, TrainingData
from monai_nlseg.training.fingerprint.fingerprint import CaseFingerprint, ChannelIntensity, Fingerprint


def intensity(**changes) -> ChannelIntensity:
    values = {
        "minimum": 0.0,
        "maximum": 1500.0,
        "percentiles": (100.0, 400.0, 900.0),
        "mean": 420.0,
        "deviation": 120.0,
        "zeros": 0.7,
        "zero_border": 1.0,
    }
    return ChannelIntensity(**{**values, **changes})


def classes(*names: str, overlapping: bool = False) -> Classes:
    found = tuple(LabelClass(name, (index,)) for index, name in enumerate(names, 1))
    return Classes(found, overlapping, tuple(range(1, len(names) + 1)) if overlapping else ())


def volumes(
    count=10, shape=(256, 128, 256), spacing=(0.94, 1.5, 0.94), names=("CSF", "grey", "white"), channels=("T1",), **rest
):
    """A fingerprint of volumes like IBSR18's: stored as "RSA", so that the middle axis is from inferior to superior."""
    return fingerprint(3, count, shape, spacing, names, channels, **rest)


def pictures(count=100, shape=(480, 600), names=("tumour",), channels=("grey",), thickness=60.0, **rest):
    """A fingerprint of pictures like BUSI's."""
    rest.setdefault("intensities", [intensity(maximum=255.0, zeros=0.1, zero_border=0.2)] * len(channels))
    return fingerprint(2, count, shape, (1.0, 1.0), names, channels, dtype="uint8", thickness=thickness, **rest)


def fingerprint(
    dims,
    count,
    shape,
    spacing,
    names,
    channels,
    dtype="int16",
    thickness=5.0,
    intensities=None,
    voxels=None,
    orientation="RSA",
    overlapping=False,
    parts=(),
    shapes=None,
    spacings=None,
):
    cases = []
    for index in range(count):
        part = parts[index] if index < len(parts) else None
        name = f"case-{index:03}"
        case = TrainingCase(name, (f"/data/{name}.nii.gz",), (f"/data/{name}_seg.nii.gz",), f"sub-{index:03}", part)
        cases.append(
            CaseFingerprint(
                case=case,
                shape=shapes[index] if shapes else shape,
                spacing=spacings[index] if spacings else spacing,
                orientation=orientation if dims == 3 else None,
                dtype=dtype,
                channels=tuple(intensities or [intensity()] * len(channels)),
                voxels=voxels or {0: 1000, **{value: 100 for value in range(1, len(names) + 1)}},
                thickness={name: thickness for name in names},
                specks={},
                turned=False,
                digest=str(index),
                label_digest=str(index),
            )
        )
    own = classes(*names, overlapping=overlapping)
    data = TrainingData("test", "/data", tuple(case.case for case in cases), own, tuple(channels))
    return Fingerprint(data, dims, own, tuple(channels), tuple(cases), ())
