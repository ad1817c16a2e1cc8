"""Training a bundle on labels that annotators have saved."""

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
from monai_nlseg.label.training_config import training_overrides
from monai_nlseg.label.training_data import LabelledImage, image_name, labelled_images
from monai_nlseg.label.training_report import (
    earlier_reports,
    new_folder,
    report_of,
    serve,
    statistics,
    trained_on,
    write_report,
)
from monai_nlseg.label.training_request import TrainingRequest
from monai_nlseg.label.training_run import train_and_score
from monai_nlseg.label.training_split import split_images

__all__ = ["BundleTrain"]

logger = logging.getLogger(__name__)


class BundleTrain(TrainTask):
    """Trains a bundle from the weights that are served, which are exchanged for better ones only.

    Args:
        served: the bundle.
        options: of the app.
    """

    def __init__(self, served: ServedBundle, options: AppOptions) -> None:
        super().__init__(served.description)
        self.served, self.options = served, options

    def info(self) -> dict[str, Any]:
        """Description, version, and what a client may set."""
        return {**super().info(), "version": self.served.version}

    def config(self) -> dict[str, Any]:
        """What a client may set, with the defaults."""
        return {"device": device_list(), "max_epochs": self.options.epochs, "val_split": self.options.val_split}

    def stats(self) -> dict[str, Any]:
        """Of the last training that has ended; empty before the first."""
        reports = earlier_reports(self.served)
        return statistics(reports[-1]) if reports else {}

    def __call__(self, request: Mapping[str, Any], datastore: Datastore) -> dict[str, Any]:
        """Train on the images whose labels are saved as final, as far as they are of the bundle's kind.

        All is written to ``runs/N`` of the bundle, with a ``report.json`` at the end. The served weights and the
        trained ones are scored on the same images, which are held out. If the trained ones score higher, they are put
        in the place of the served, which are kept beside as ``model_earlier_N.pt``.

        Args:
            request: optionally "max_epochs" or "epochs", "val_split" (share of the images to validate on), "device".
            datastore: where the images and labels are.

        Returns:
            What :meth:`stats` returns then.

        Raises:
            ValueError: for an unknown setting, labels that are too few or do not fit, or a training that fails. The
                served weights are then as before.
        """
        begin = time.time()
        asked = TrainingRequest.of(request, self.options, name_to_device(request.get("device")))
        folder = new_folder(self.served)
        with tempfile.TemporaryDirectory(dir=folder, prefix="converted-") as converted:
            try:
                training, validation, left_out = self._images(datastore, asked.val_split, folder, Path(converted))
                overrides = training_overrides(self.served, training, validation, folder, asked.device, asked.epochs)
            except ValueError:
                shutil.rmtree(folder)  # nothing has begun
                raise
            logger.info(
                f"{self.served.name}: training on {len(training)} images for {asked.epochs} epochs in {folder}, "
                f"held out are {', '.join(image.name for image in validation)}"
            )
            scores = train_and_score(self.served, overrides)
        kept = serve(self.served, folder / self.served.weights.name) if scores.better else None
        settings = {
            "served": scores.better,
            "result": scores.told,
            "earlier_weights": kept.name if kept else None,
            "epochs": asked.epochs,
            "val_split": asked.val_split,
            "device": str(asked.device),
            "start_ts": int(begin),
            "seconds": round(time.time() - begin, 1),
        }
        report = report_of(self.served, training, validation, left_out, scores, settings)
        write_report(folder, report)
        logger.info(f"{self.served.name}: {scores.told}")
        if asked.device.type == "cuda":
            torch.cuda.empty_cache()
        return statistics(report)

    def _images(
        self, datastore: Datastore, share: float, folder: Path, converted: Path
    ) -> tuple[list[LabelledImage], list[LabelledImage], dict[str, str]]:
        """To train on, to validate on, and what is left out."""
        images, left_out = labelled_images(self.served, _datalist(datastore), folder / "labels", converted)
        for name, reason in left_out.items():
            logger.info(f"{self.served.name}: {name} is left out, {reason}")
        training, validation = split_images(images, share, trained_on(earlier_reports(self.served)))
        return training, validation, left_out


def _datalist(datastore: Datastore) -> list[dict[str, Any]]:
    """Of a server's, with the patients that DICOM tells, and the names that 3D Slicer has given with the labels."""
    datalist = []
    for pair in datastore.datalist():
        name = image_name(pair["image"])
        patient = datastore.get_image_info(name).get("PatientID")
        told = datastore.get_label_info(name, DefaultLabelTag.FINAL).get("label_info") or []
        names = {int(label["idx"]): str(label["name"]) for label in told if {"idx", "name"} <= set(label)}
        datalist.append({**pair, "subject": str(patient or ""), "names": names})
    return datalist
