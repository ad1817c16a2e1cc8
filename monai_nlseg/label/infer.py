"""Segmenting an image that an annotator has opened."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monailabel.interfaces.tasks.infer_v2 import InferTask, InferType
from monailabel.utils.others.generic import device_list, name_to_device

from monai_nlseg.bundle.runtime.prediction import Prediction
from monai_nlseg.io.formats import is_volume
from monai_nlseg.io.segmentations import Segmentation, write_segmentation
from monai_nlseg.io.volumes import read_header
from monai_nlseg.label.served import ServedBundle

logger = logging.getLogger(__name__)

RESULTS = {".nii.gz": "nifti", ".nii": "nifti", ".nrrd": "nrrd", ".mha": "mha", ".png": "png"}
"""Suffixes of the label maps that clients may ask for, and the formats."""
PICTURE = np.diag([-1.0, -1.0, 1.0, 1.0])
"""Affine (RAS+) by which ITK, and so 3D Slicer, places the (columns, rows) of a picture in space."""


class BundleInfer(InferTask):
    """Inference by a bundle, which returns label maps in the grid of the image with 8 bits per voxel.

    Args:
        served: the bundle.
    """

    def __init__(self, served: ServedBundle) -> None:
        super().__init__(
            type=InferType.SEGMENTATION,
            labels=served.labels,
            dimension=served.dimension,
            description=served.description,
            config={"device": device_list(), "result_extension": ""},
        )
        self.served = served

    def is_valid(self) -> bool:
        """Return whether the bundle has weights."""
        return self.served.weights.is_file()

    def get_path(self, validate: bool = True) -> str | None:
        """Return the path of the bundle's weights, which clients may download.

        Args:
            validate: whether to return None if the file is missing.
        """
        return str(self.served.weights) if self.is_valid() or not validate else None

    def __call__(self, request: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """Infer an image.

        Args:
            request: "image" (a path: a file, or a folder with one DICOM series), and optionally "device" ("cuda",
                "cuda:1", "cpu"; default the first of the machine), "result_extension" (".nii.gz", ".nii", ".nrrd",
                ".mha", ".png"; default PNG of pictures, else NIfTI).

        Returns:
            The path of the label map, which the caller has to remove, and details: "label_names" (name ->
            value), "latencies" (in seconds), "entropy" (mean over the foreground found, 0 to 1, or None), "windows",
            "unlike" (a sentence for each way in which the image or the result is unlike what the bundle was made for).

        Raises:
            ValueError: for an image that cannot be read or segmented, or an unknown extension.
        """
        clock = {"pre": 0.0, "infer": 0.0, "post": 0.0, "write": 0.0}
        begin = time.perf_counter()

        def note(step: str) -> None:
            clock[step] = time.perf_counter() - begin - sum(clock.values())

        device = name_to_device(request.get("device"))
        with self.served.busy:
            model = self.served.model(device)
            try:
                item = self.served.read(model, request["image"])
                note("pre")
                item = model.infer(item)
                note("infer")
                prediction = model.finish(item)
                note("post")
            finally:
                if model.device.type == "cuda":  # what PyTorch keeps would be missing to a training or scoring
                    torch.cuda.empty_cache()
        image = Path(request["image"])
        unit = read_header(image).unit if is_volume(image) else "mm"
        result = write_result(prediction, str(request.get("result_extension") or ""), unit)
        note("write")
        if prediction.unlike:
            sentences = "; ".join(prediction.unlike)
            logger.warning("%s is unlike what %s was made for: %s", image.name, self.served.name, sentences)
        return result, {
            "label_names": self.labels,
            "latencies": {step: round(seconds, 3) for step, seconds in {**clock, "total": sum(clock.values())}.items()},
            "entropy": prediction.entropy,
            "windows": item.windows,
            "unlike": list(prediction.unlike),
        }


def write_result(prediction: Prediction, suffix: str, unit: str = "mm") -> str:
    """Write a label map to a new temporary file, and return its path.

    Args:
        prediction: prediction with the labels.
        suffix: suffix of the file; empty for PNG of pictures and NIfTI of volumes.
        unit: unit of the lengths in NIfTI: "mm", "micron" or "meter".

    Raises:
        ValueError: for an unknown suffix.
    """
    suffix = suffix or (".png" if prediction.affine is None else ".nii.gz")
    if suffix not in RESULTS:
        raise ValueError(f"result_extension {suffix!r} is unknown: ask for {', '.join(RESULTS)}.")
    segmentation = Segmentation(
        labels=prediction.labels,
        affine=prediction.affine,
        masks=prediction.masks,
        frames=prediction.frames,
        names=prediction.names,
        unit=unit,
        picture_affine=PICTURE,
    )
    with tempfile.NamedTemporaryFile(prefix="nlseg-", suffix=suffix, delete=False) as file:
        path = Path(file.name)
    try:
        write_segmentation(path, RESULTS[suffix], segmentation)
    except BaseException:
        path.unlink()
        raise
    return str(path)
