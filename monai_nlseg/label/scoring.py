"""Scores of the images that are not labelled yet: how much a label of each would teach a model."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import torch
from monailabel.config import settings
from monailabel.datastore.dicom import DICOMWebDatastore
from monailabel.interfaces.datastore import Datastore
from monailabel.interfaces.exception import ImageNotFoundException
from monailabel.interfaces.tasks.scoring import ScoringMethod
from monailabel.utils.others.generic import name_to_device

from monai_nlseg.cohort.model import Item, Model
from monai_nlseg.errors import sentence
from monai_nlseg.label.offers import error_key, weights_key
from monai_nlseg.label.options import AppOptions
from monai_nlseg.label.served import ServedBundle
from monai_nlseg.label.uncertainty import dropout_uncertainty, view_disagreement

__all__ = ["BundleScoring", "score_names", "scorings", "unfinished"]

logger = logging.getLogger(__name__)


def score_names(served: Mapping[str, ServedBundle]) -> dict[str, ServedBundle]:
    """The scores that there are, each with its bundle: all have a disagreement, networks with dropout that, too."""
    names = {}
    for name, bundle in served.items():
        if bundle.dropout:
            names[f"{name}_dropout"] = bundle
        names[f"{name}_disagreement"] = bundle
    return names


def scorings(served: Mapping[str, ServedBundle], options: AppOptions) -> dict[str, BundleScoring]:
    """The methods of an app, by the names of :func:`score_names`.

    Args:
        served: the bundles.
        options: of the app; ``dropout_samples`` is used.
    """
    dropout = partial(dropout_uncertainty, samples=options.dropout_samples)
    return {
        name: BundleScoring(name, bundle, dropout if name.endswith("_dropout") else view_disagreement)
        for name, bundle in score_names(served).items()
    }


class BundleScoring(ScoringMethod):
    """Writes a score into the datastore's info of each unlabelled image.

    Beside the score stands of which weights it is, so that an image is scored once, and again when the model has been
    trained; and, of an image that cannot be scored, why. Each is written as soon as it is known: a run that is stopped
    goes on the next time.

    Args:
        name: of the score.
        served: the bundle.
        measure: the score of an image that the bundle has read, 0 to 1.
    """

    def __init__(self, name: str, served: ServedBundle, measure: Callable[[Model, Item], float]) -> None:
        kind = "passes with dropout contradict each other" if name.endswith("_dropout") else "flipped views disagree"
        super().__init__(f"How far {kind} in what {served.name} finds: 0 to 1")
        self.name, self.served, self.measure = name, served, measure

    def pending(self, datastore: Datastore) -> list[str]:
        """Ids of the unlabelled images, by name, that the bundle takes and that its weights have not scored yet."""
        return sorted(self.left(unlabelled(datastore))) if _keeps_scores(datastore) else []

    def left(self, images: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
        """Those of the images that the bundle takes and that its weights have not scored yet.

        Args:
            images: what :func:`unlabelled` returned.
        """
        if not self.served.weights.is_file():
            return
        weights, key = self._weights(), weights_key(self.name)
        for image, info in images.items():
            if info.get(key) != weights and self._takes(info.get("path")):
                yield image

    def __call__(self, request: Mapping[str, Any], datastore: Datastore) -> dict[str, Any]:
        """Score what is :meth:`pending`.

        Args:
            request: optionally "device", see :class:`monai_nlseg.label.infer.BundleInfer`.
            datastore: of the server.

        Returns:
            "scores" (id -> score), and "errors" (id -> a sentence).

        Raises:
            ValueError: if the weights do not fit the network.
        """
        device = name_to_device(request.get("device"))
        images = self.pending(datastore)
        logger.info("%s: %d images to score", self.name, len(images))
        scores: dict[str, float] = {}
        errors: dict[str, str] = {}
        for number, image in enumerate(images, 1):
            if image not in datastore.get_unlabeled_images():  # labelled or removed meanwhile
                continue
            path = datastore.get_image_uri(image)
            if not self._takes(path):  # of a DICOM series that is known now only
                continue
            begin = time.perf_counter()
            note = self._scored(path, device)
            score, error = note[self.name], note[error_key(self.name)]
            if error is None:
                scores[image], found = score, f"{score:.4f}"
            else:
                errors[image], found = error, f"no score, {error}"
            seconds = time.perf_counter() - begin
            logger.info("%s: %d of %d, %s: %s (%.1f s)", self.name, number, len(images), image, found, seconds)
            if note[weights_key(self.name)] is None:
                continue
            datastore.refresh()  # else what the server has saved since would be written over
            try:
                datastore.update_image_info(image, note)
            except ImageNotFoundException:
                logger.warning("%s: %s has been removed from the datastore meanwhile", self.name, image)
        return {"scores": scores, "errors": errors}

    def _scored(self, path: str, device: str) -> dict[str, Any]:
        """What is noted of an image; without weights, if there was no room for it, for there may be the next time."""
        weights: int | None = self._weights()
        score, error = None, None
        with self.served.busy:
            model = self.served.model(device)
            try:
                score = self.measure(model, self.served.read(model, path))
            except (torch.cuda.OutOfMemoryError, MemoryError) as fault:  # of this hour, in which a training may run
                weights, error = None, sentence(fault)
            except Exception as fault:  # of this image, whatever its reader or PyTorch raises
                error = sentence(fault)
        return {self.name: score, weights_key(self.name): weights, error_key(self.name): error}

    def _weights(self) -> int:
        return self.served.weights.stat().st_mtime_ns

    def _takes(self, path: str | None) -> bool:
        """What a DICOMweb server holds can be told when it is here."""
        return path is None or self.served.takes(path)


def unlabelled(datastore: Datastore) -> dict[str, dict[str, Any]]:
    """Image -> the datastore's info."""
    return {image: datastore.get_image_info(image) for image in datastore.get_unlabeled_images()}


def unfinished(methods: Mapping[str, BundleScoring], datastore: Datastore) -> list[str]:
    """Names of the scores that some image lacks; the infos of the images, which take long, are read once for all."""
    images = unlabelled(datastore) if _keeps_scores(datastore) else {}
    return [name for name, method in methods.items() if next(method.left(images), None) is not None]


def _keeps_scores(datastore: Datastore) -> bool:
    """MONAI Label keeps no info of series that it does not convert to NIfTI."""
    return settings.MONAI_LABEL_DICOMWEB_CONVERT_TO_NIFTI or not isinstance(datastore, DICOMWebDatastore)
