"""Training of a bundle on labels that annotators have saved."""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from monailabel.interfaces.datastore import Datastore, DefaultLabelTag
from monailabel.interfaces.tasks.train import TrainTask
from monailabel.utils.others.generic import device_list, name_to_device

from monai_nlseg.label.options import AppOptions
from monai_nlseg.label.served import ServedBundle
from monai_nlseg.label.training.config import training_overrides
from monai_nlseg.label.training.data import LabelledImage, image_name, labelled_images
from monai_nlseg.label.training.report import (
    earlier_reports,
    new_folder,
    report_of,
    serve,
    statistics,
    trained_on,
    write_report,
)
from monai_nlseg.label.training.request import TrainingRequest
from monai_nlseg.label.training.run import train_and_score
from monai_nlseg.label.training.split import split_images

logger = logging.getLogger(__name__)


class BundleTrain(TrainTask):
    """A training of a bundle that starts from the served weights, and replaces them only by better ones.

    Args:
        served: the bundle.
        options: options of the app.
    """

    def __init__(self, served: ServedBundle, options: AppOptions) -> None:
        super().__init__(served.description)
        self.served, self.options = served, options

    def info(self) -> dict[str, Any]:
        """Return the description, the version, and the settings that a client may give."""
        return {**super().info(), "version": self.served.version}

    def config(self) -> dict[str, Any]:
        """Return the settings that a client may give, with their defaults."""
        return {"device": device_list(), "max_epochs": self.options.epochs, "val_split": self.options.val_split}

    def stats(self) -> dict[str, Any]:
        """Return the figures of the last training that has ended; empty without one, or if a report is damaged."""
        try:
            reports = earlier_reports(self.served)
        except ValueError as error:  # the server's answer about all its models must not fail for one
            logger.warning("%s", error)
            return {}
        return statistics(reports[-1]) if reports else {}

    def __call__(self, request: Mapping[str, Any], datastore: Datastore) -> dict[str, Any]:
        """Train on the images that have a final label and that the bundle takes.

        Everything is written to ``runs/N`` of the bundle, with a ``report.json`` at the end. The served weights and the
        trained ones are scored on the same images, which are held out. If the trained ones score higher, they replace
        the served ones, which are kept beside them as ``model_earlier_N.pt``.

        Args:
            request: optionally "max_epochs" or "epochs", "val_split" (share of the images to validate on), "device".
            datastore: where the images and labels are.

        Returns:
            What :meth:`stats` returns after this training.

        Raises:
            ValueError: for an unknown setting, labels that are too few or do not fit, or a training that fails. The
                served weights then stay.
        """
        begin, clock = time.time(), time.monotonic()
        asked = TrainingRequest.of(request, self.options, name_to_device(request.get("device")))
        folder = new_folder(self.served)
        with tempfile.TemporaryDirectory(dir=folder, prefix="converted-") as converted:
            try:
                training, validation, left_out = self._images(datastore, asked.val_split, folder, Path(converted))
                overrides = training_overrides(self.served, training, validation, folder, asked.device, asked.epochs)
            except ValueError:
                shutil.rmtree(folder)  # the training has not begun
                raise
            logger.info(
                f"{self.served.name}: training on {len(training)} images for {asked.epochs} epochs in {folder}, "
                f"held out are {', '.join(image.name for image in validation)}"
            )
            scores = train_and_score(self.served, overrides)
        kept = serve(self.served, folder / self.served.weights.name) if scores.better else None
        settings = {
            "served": scores.better,
            "result": scores.summary,
            "earlier_weights": kept.name if kept else None,
            "epochs": asked.epochs,
            "val_split": asked.val_split,
            "device": str(asked.device),
            "start_ts": int(begin),
            "seconds": round(time.monotonic() - clock, 1),
        }
        report = report_of(self.served, training, validation, left_out, scores, settings)
        write_report(folder, report)
        logger.info(f"{self.served.name}: {scores.summary}")
        if asked.device.type == "cuda":
            torch.cuda.empty_cache()
        return statistics(report)

    def _images(
        self, datastore: Datastore, share: float, folder: Path, converted: Path
    ) -> tuple[list[LabelledImage], list[LabelledImage], dict[str, str]]:
        """Return the images to train on, the images to validate on, and why others are left out: name -> reason."""
        images, left_out = labelled_images(self.served, _datalist(datastore), folder / "labels", converted)
        for name, reason in left_out.items():
            logger.info(f"{self.served.name}: {name} is left out, {reason}")
        training, validation = split_images(images, share, trained_on(earlier_reports(self.served)))
        return training, validation, left_out


def _datalist(datastore: Datastore) -> list[dict[str, Any]]:
    """Return the labelled images of a datastore, with the patients of DICOM and the label names of 3D Slicer."""
    datalist = []
    for pair in datastore.datalist():
        name = image_name(pair["image"])
        patient = datastore.get_image_info(name).get("PatientID")
        labels = datastore.get_label_info(name, DefaultLabelTag.FINAL).get("label_info") or []
        names = {int(label["idx"]): str(label["name"]) for label in labels if {"idx", "name"} <= set(label)}
        datalist.append({**pair, "subject": str(patient or ""), "names": names})
    return datalist
