"""Scores of images that are not labelled yet: how much a label of each would teach a model."""

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

from monai_nlseg.bundle.runtime.item import Item
from monai_nlseg.bundle.runtime.model import Model
from monai_nlseg.errors import sentence
from monai_nlseg.label.offers import error_key, weights_key
from monai_nlseg.label.options import AppOptions
from monai_nlseg.label.served import ServedBundle
from monai_nlseg.label.uncertainty import dropout_uncertainty, view_disagreement

logger = logging.getLogger(__name__)

Measure = Callable[[Model, Item], float]
"""Score of an image that a bundle has read, 0 to 1."""


def scorings(served: Mapping[str, ServedBundle], options: AppOptions) -> dict[str, BundleScoring]:
    """Return the scoring methods of an app by their names.

    Each bundle has ``NAME_disagreement``, and ``NAME_dropout`` if its network has dropout.

    Args:
        served: name -> bundle.
        options: options of the app; ``dropout_samples`` is used.
    """
    dropout = partial(dropout_uncertainty, samples=options.dropout_samples)
    methods: list[BundleScoring] = []
    for name, bundle in served.items():
        if bundle.dropout:
            words = "passes with dropout contradict each other"
            methods.append(BundleScoring(f"{name}_dropout", words, bundle, dropout))
        methods.append(BundleScoring(f"{name}_disagreement", "flipped views disagree", bundle, view_disagreement))
    return {method.name: method for method in methods}


class BundleScoring(ScoringMethod):
    """A scoring method that writes a score into the datastore's info of each unlabelled image.

    The weights that gave the score are noted beside it, so that an image is scored once, and again when the model has
    been trained. If an image cannot be scored, the reason is noted. Each note is written as soon as it is known, so
    that a scoring that was stopped goes on the next time.

    Args:
        name: name of the score.
        words: what the score measures, as in "flipped views disagree".
        served: the bundle.
        measure: computes the score of an image that the bundle has read, 0 to 1.
    """

    def __init__(self, name: str, words: str, served: ServedBundle, measure: Measure) -> None:
        super().__init__(f"How far {words} in what {served.name} finds: 0 to 1")
        self.name, self.served, self.measure = name, served, measure

    def pending(self, datastore: Datastore) -> list[str]:
        """Return the ids, in order, of the unlabelled images of ``datastore`` that :meth:`left` yields."""
        return sorted(self.left(unlabelled(datastore))) if _keeps_scores(datastore) else []

    def left(self, images: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
        """Yield the ids of the images that the bundle takes and that its weights have not scored yet.

        Args:
            images: id -> the datastore's info, as :func:`unlabelled` returns it.
        """
        if not self.served.weights.is_file():
            return
        weights, key = self._weights(), weights_key(self.name)
        for image, info in images.items():
            if info.get(key) != weights and self._takes(info.get("path")):
                yield image

    def __call__(self, request: Mapping[str, Any], datastore: Datastore) -> dict[str, Any]:
        """Score the images that are :meth:`pending`.

        Args:
            request: optionally "device", see :class:`monai_nlseg.label.infer.BundleInfer`.
            datastore: where the images are.

        Returns:
            "scores" (id -> score), and "errors" (id -> one sentence).

        Raises:
            ValueError: if the weights do not fit the network.
        """
        device = name_to_device(request.get("device"))
        images = self.pending(datastore)
        logger.info("%s: %d images to score", self.name, len(images))
        scores: dict[str, float] = {}
        errors: dict[str, str] = {}
        for number, image in enumerate(images, 1):
            if image not in datastore.get_unlabeled_images():  # it has been labelled or removed meanwhile
                continue
            path = datastore.get_image_uri(image)
            if not self._takes(path):  # a DICOM series can be judged only now that it is here
                continue
            begin = time.perf_counter()
            note = self._note(path, device)
            score, error = note[self.name], note[error_key(self.name)]
            if error is None:
                scores[image], result = score, f"{score:.4f}"
            else:
                errors[image], result = error, f"no score, {error}"
            seconds = time.perf_counter() - begin
            logger.info("%s: %d of %d, %s: %s (%.1f s)", self.name, number, len(images), image, result, seconds)
            if note[weights_key(self.name)] is None:
                continue
            datastore.refresh()  # otherwise what the server has saved since would be overwritten
            try:
                datastore.update_image_info(image, note)
            except ImageNotFoundException:
                logger.warning("%s: %s has been removed from the datastore meanwhile", self.name, image)
        return {"scores": scores, "errors": errors}

    def _note(self, path: str, device: str) -> dict[str, Any]:
        """Score an image, and return what the datastore notes of it.

        If memory was too small, no weights are noted, so that the image is scored again the next time.
        """
        weights: int | None = self._weights()
        score, error = None, None
        with self.served.busy:
            model = self.served.model(device)
            try:
                score = self.measure(model, self.served.read(model, path))
            except (torch.cuda.OutOfMemoryError, MemoryError) as fault:  # a training may run at the same time
                weights, error = None, sentence(fault)
            except Exception as fault:  # whatever its reader or PyTorch raises, the other images are scored
                error = sentence(fault)
        return {self.name: score, weights_key(self.name): weights, error_key(self.name): error}

    def _weights(self) -> int:
        return self.served.weights.stat().st_mtime_ns

    def _takes(self, path: str | None) -> bool:
        """Return whether the bundle takes an image; True for one on a DICOMweb server that is not fetched yet."""
        return path is None or self.served.takes(path)


def unlabelled(datastore: Datastore) -> dict[str, dict[str, Any]]:
    """Return the info of each unlabelled image of ``datastore``: id -> info."""
    return {image: datastore.get_image_info(image) for image in datastore.get_unlabeled_images()}


def unfinished(methods: Mapping[str, BundleScoring], datastore: Datastore) -> list[str]:
    """Return the names of the scores that some image lacks.

    Args:
        methods: name -> scoring method.
        datastore: where the images are; their infos, which take long to read, are read once for all methods.
    """
    images = unlabelled(datastore) if _keeps_scores(datastore) else {}
    return [name for name, method in methods.items() if next(method.left(images), None) is not None]


def _keeps_scores(datastore: Datastore) -> bool:
    """Return whether a datastore keeps scores: MONAI Label keeps no info of series that it does not convert."""
    return settings.MONAI_LABEL_DICOMWEB_CONVERT_TO_NIFTI or not isinstance(datastore, DICOMWebDatastore)
