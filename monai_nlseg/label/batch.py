"""Inference of many images of a datastore, as first label maps for annotators."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from monailabel.interfaces.datastore import Datastore
from monailabel.interfaces.tasks.batch_infer import BatchInferTask

from monai_nlseg.errors import sentence
from monai_nlseg.label.served import ServedBundle

logger = logging.getLogger(__name__)


class BundleBatchInfer(BatchInferTask):
    """MONAI Label's batch inference, limited to images of the model's kind; an image that fails does not end the batch.

    Args:
        served: name -> bundle.
    """

    def __init__(self, served: Mapping[str, ServedBundle]) -> None:
        self.served = served

    def get_images(self, request: Mapping[str, Any], datastore: Datastore) -> list[str]:
        """Return the ids of the images that a request asks for and that its model takes.

        Args:
            request: "model", and "images": "all", "labeled", "unlabeled" or a list of ids.
            datastore: where the images are.
        """
        served = self.served.get(request["model"])
        images = super().get_images(request, datastore)
        return [image for image in images if served is None or _takes(served, datastore, image)]

    def __call__(self, request: Mapping[str, Any], datastore: Datastore, infer: Callable[..., Any]) -> dict[str, Any]:
        """Infer images and save their label maps as MONAI Label does.

        Args:
            request: see :meth:`get_images`, and what :class:`BundleInfer` reads.
            datastore: where the images are and the label maps go.
            infer: infers one image of a request and a datastore.

        Returns:
            Id of each image -> what :class:`BundleInfer` returned, or {"error": one sentence}.
        """

        def isolated(asked: dict[str, Any], datastore: Datastore) -> dict[str, Any]:
            try:
                return infer(asked, datastore)
            except Exception as error:  # an image that fails does not end the batch
                message = getattr(error, "detail", None) or sentence(error)
                logger.warning("%s: %s", asked["image"], message)
                return {"error": message}

        # A bundle is on one GPU at a time and infers one image at a time: to alternate between GPUs would load it anew
        # for each image. Besides, MONAI Label alternates between GPUs even where there is none.
        return super().__call__({**request, "multi_gpu": False}, datastore, isolated)


def _takes(served: ServedBundle, datastore: Datastore, image: str) -> bool:
    """Return whether a bundle takes an image, judged by its info: asking for the file would fetch it over DICOMweb."""
    path = datastore.get_image_info(image).get("path")
    return path is None or served.takes(path)
