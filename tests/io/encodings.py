"""One small anatomy in any encoding of the formats of volumes, written from their specifications."""

from __future__ import annotations

import gzip
import itertools
from dataclasses import dataclass
from pathlib import Path

import nibabel
import numpy as np
from hypothesis import strategies as st
from nibabel import nifti1, nifti2
from nibabel.affines import from_matvec

SHAPE = (5, 4, 3)
ANATOMY = np.random.default_rng(0).permutation(np.arange(0, 120, 2)).reshape(SHAPE)
"""Different even numbers of 7 bits."""
TURN = np.array([[0.96, -0.28, 0], [0.28, 0.96, 0], [0, 0, 1]])
AFFINE = from_matvec(TURN @ np.diag([0.9, 1.2, 1.5]), [-20, 11, 7])
"""Voxel to RAS+ mm."""

NIFTI = (".nii", ".nii.gz", ".NII", ".hdr", ".hdr.gz")
ITK = (".nrrd", ".nhdr", ".mha", ".mhd")
UNITS = {"unknown": (0, 1.0), "mm": (2, 1.0), "micron": (3, 1000.0), "meter": (1, 0.001)}
"""NIfTI's code, and how many of them are a millimetre."""
NRRD_UNITS = {"": 1.0, "mm": 1.0, "um": 1000.0, "cm": 0.1}
NRRD_SPACES = {
    "left-posterior-superior": (-1, -1, 1),
    "LPS": (-1, -1, 1),
    "right-anterior-superior": (1, 1, 1),
    "RAS": (1, 1, 1),
    "LAS": (-1, 1, 1),
}
"""Signs from RAS+."""
META_TYPES = {"u1": "MET_UCHAR", "i2": "MET_SHORT", "i4": "MET_INT", "f4": "MET_FLOAT", "f8": "MET_DOUBLE"}
NRRD_TYPES = {"u1": "uchar", "i2": "int16", "i4": "int", "f4": "float", "f8": "double"}


@dataclass(frozen=True)
class Encoding:
    """How the anatomy lies in a file.

    Attributes:
        suffix: of the file; of two files that of the header.
        order: axes of the anatomy in the order of the file.
        flips: whether each axis of the file runs the other way.
        kind: numpy's type of a voxel, without the order of its bytes.
        big: whether the most significant byte is the first.
        slope: of stored to true values.
        inter: added to them.
        version: of NIfTI, 1 or 2.
        source: which part of a NIfTI header says where the anatomy is: "sform", "qform" or "both".
        pixdim: spacing that a NIfTI header has besides, which counts for nothing beside an sform.
        unit: of NIfTI's header.
        space: of NRRD's header.
        nrrd_unit: of NRRD's header.
        trailing: axes of length one behind the spatial ones.
    """

    suffix: str
    order: tuple[int, int, int]
    flips: tuple[bool, bool, bool]
    kind: str
    big: bool
    slope: float
    inter: float
    version: int
    source: str
    pixdim: tuple[float, float, float] | None
    unit: str
    space: str
    nrrd_unit: str
    trailing: int

    def oriented(self) -> tuple[np.ndarray, np.ndarray]:
        """The anatomy with its axes as in the file, and their affine."""
        values = ANATOMY.transpose(self.order)
        affine = AFFINE[:, [*self.order, 3]]
        for axis, flip in enumerate(self.flips):
            if flip:
                values = np.flip(values, axis)
                affine = affine @ from_matvec(*_flip(axis, values.shape[axis]))
        return values, affine


def _flip(axis: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    signs, start = np.ones(3), np.zeros(3)
    signs[axis], start[axis] = -1, length - 1
    return np.diag(signs), start


def encodings(suffixes: tuple[str, ...] = (*NIFTI, *ITK)) -> st.SearchStrategy[Encoding]:
    """All that are legal and say where the anatomy is."""
    return st.builds(
        Encoding,
        suffix=st.sampled_from(suffixes),
        order=st.sampled_from(list(itertools.permutations(range(3)))),
        flips=st.tuples(*[st.booleans()] * 3),
        kind=st.sampled_from(list(META_TYPES)),
        big=st.booleans(),
        slope=st.sampled_from([1.0, 2.0, 0.5]),
        inter=st.sampled_from([0.0, -8.0]),
        version=st.sampled_from([1, 2]),
        source=st.sampled_from(["sform", "qform", "both"]),
        pixdim=st.none() | st.sampled_from([(1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (3.0, 0.9, 1.1)]),
        unit=st.sampled_from(list(UNITS)),
        space=st.sampled_from(list(NRRD_SPACES)),
        nrrd_unit=st.sampled_from(list(NRRD_UNITS)),
        trailing=st.integers(0, 3),
    )


def write(encoding: Encoding, folder: Path) -> Path:
    """Write the anatomy, and return the path of its file or header."""
    path = folder / f"anatomy{encoding.suffix}"
    if encoding.suffix in NIFTI:
        _write_nifti(encoding, path)
    elif "mh" in encoding.suffix:
        _write_meta(encoding, path)
    else:
        _write_nrrd(encoding, path)
    return path


def _write_nifti(encoding: Encoding, path: Path) -> None:
    values, affine = encoding.oriented()
    stored = ((values - encoding.inter) / encoding.slope).astype(_kind(encoding))
    code, factor = UNITS[encoding.unit]
    affine = np.diag([factor, factor, factor, 1]) @ affine
    pair = "hdr" in path.suffixes[0]
    kinds = {
        (1, True): nifti1.Nifti1PairHeader,
        (1, False): nifti1.Nifti1Header,
        (2, True): nifti2.Nifti2PairHeader,
        (2, False): nifti2.Nifti2Header,
    }
    header = kinds[encoding.version, pair](endianness=">" if encoding.big else "<")
    header.set_data_dtype(stored.dtype)
    header.set_data_shape((*values.shape, *[1] * encoding.trailing))
    header["scl_slope"], header["scl_inter"] = encoding.slope, encoding.inter
    if encoding.source != "sform":
        header.set_qform(affine, 1)
    if encoding.source != "qform":
        header.set_sform(affine, 1)
        if encoding.pixdim is not None:
            header["pixdim"][1:4] = encoding.pixdim
    header["xyzt_units"] = code
    if not pair:
        header["vox_offset"] = 352 if encoding.version == 1 else 544
    compress = gzip.compress if path.suffix == ".gz" else bytes
    voxels = stored.tobytes(order="F")
    if pair:
        path.write_bytes(compress(header.binaryblock))
        path.with_name(path.name.replace(".hdr", ".img")).write_bytes(compress(voxels))
    else:
        path.write_bytes(compress(header.binaryblock + bytes(4) + voxels))


def _write_nrrd(encoding: Encoding, path: Path) -> None:
    values, affine = encoding.oriented()
    affine = np.diag([*NRRD_SPACES[encoding.space], 1]) @ affine * NRRD_UNITS[encoding.nrrd_unit]
    *axes, origin = (f"({','.join(map(repr, map(float, vector)))})" for vector in affine[:3].T)
    name = encoding.nrrd_unit
    detached = path.suffix == ".nhdr"
    lines = [
        "NRRD0005",
        f"type: {NRRD_TYPES[encoding.kind]}",
        "dimension: 3",
        f"space: {encoding.space}",
        f"sizes: {' '.join(map(str, values.shape))}",
        f"space directions: {' '.join(axes)}",
        *([f'space units: "{name}" "{name}" "{name}"'] if name else []),
        "kinds: domain domain domain",
        f"endian: {'big' if encoding.big else 'little'}",
        "encoding: gzip",
        f"space origin: {origin}",
        *(["data file: anatomy.raw.gz"] if detached else []),
    ]
    voxels = gzip.compress(values.astype(_kind(encoding)).tobytes(order="F"))
    header = "\n".join([*lines, "", ""]).encode()
    path.write_bytes(header if detached else header + voxels)
    if detached:
        path.with_name("anatomy.raw.gz").write_bytes(voxels)


def _write_meta(encoding: Encoding, path: Path) -> None:
    values, affine = encoding.oriented()
    lps = np.diag([-1, -1, 1, 1]) @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    detached = path.suffix == ".mhd"
    lines = [
        "ObjectType = Image",
        "NDims = 3",
        "BinaryData = True",
        f"BinaryDataByteOrderMSB = {encoding.big}",
        "CompressedData = False",
        f"TransformMatrix = {' '.join(map(repr, map(float, (lps[:3, :3] / spacing).T.ravel())))}",
        f"Offset = {' '.join(map(repr, map(float, lps[:3, 3])))}",
        f"ElementSpacing = {' '.join(map(repr, map(float, spacing)))}",
        f"DimSize = {' '.join(map(str, values.shape))}",
        f"ElementType = {META_TYPES[encoding.kind]}",
        f"ElementDataFile = {'anatomy.raw' if detached else 'LOCAL'}",
    ]
    voxels = values.astype(_kind(encoding)).tobytes(order="F")
    header = "\n".join([*lines, ""]).encode()
    path.write_bytes(header if detached else header + voxels)
    if detached:
        path.with_name("anatomy.raw").write_bytes(voxels)


def _kind(encoding: Encoding) -> np.dtype:
    return np.dtype(encoding.kind).newbyteorder(">" if encoding.big else "<")


def in_anatomy(values: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """The values of a volume at the places of the anatomy's voxels.

    Raises:
        AssertionError: if the voxels of the two do not lie at the same places, to a hundredth.
    """
    places = np.moveaxis(np.indices(SHAPE), 0, -1)
    there = nibabel.affines.apply_affine(np.linalg.inv(affine) @ AFFINE, places)
    index = np.rint(there).astype(int)
    np.testing.assert_allclose(there, index, atol=1e-2)
    assert index.min() >= 0 and (index.max(axis=(0, 1, 2)) < values.shape).all() and values.size == ANATOMY.size
    return values[tuple(np.moveaxis(index, -1, 0))]
