"""Label maps of all images of a datastore, for annotators to begin with."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from monailabel.interfaces.datastore import Datastore
from monailabel.interfaces.tasks.batch_infer import BatchInferTask

from monai_nlseg.errors import sentence
from monai_nlseg.label.served import ServedBundle

__all__ = ["BundleBatchInfer"]

logger = logging.getLogger(__name__)


class BundleBatchInfer(BatchInferTask):
    """As MONAI Label's, but a model is given images of its kind only, and one that fails does not end the rest.

    Args:
        served: name -> bundle.
    """

    def __init__(self, served: Mapping[str, ServedBundle]) -> None:
        self.served = served

    def get_images(self, request: Mapping[str, Any], datastore: Datastore) -> list[str]:
        """The images that the request names by a word or one by one, as far as the model takes them."""
        served = self.served.get(request["model"])
        images = super().get_images(request, datastore)
        return [image for image in images if served is None or _takes(served, datastore, image)]

    def __call__(self, request: Mapping[str, Any], datastore: Datastore, infer: Callable[..., Any]) -> dict[str, Any]:
        """Infer and save what is found, see MONAI Label.

        Returns:
            Image -> what :class:`BundleInfer` returned, or {"error": one sentence}.
        """

        def isolated(asked: dict[str, Any], datastore: Datastore) -> dict[str, Any]:
            try:
                return infer(asked, datastore)
            except Exception as error:  # whatever is wrong with an image stays with it
                told = getattr(error, "detail", None) or sentence(error)
                logger.warning("%s: %s", asked["image"], told)
                return {"error": told}

        # A bundle is on one GPU at a time, where it infers one image at a time: images in turn on several would have it
        # loaded anew for each. Besides, MONAI Label counts GPUs in turn even where there is none.
        return super().__call__({**request, "multi_gpu": False}, datastore, isolated)


def _takes(served: ServedBundle, datastore: Datastore, image: str) -> bool:
    """By what is known of it: to ask for its file would fetch all series of a DICOMweb server first."""
    path = datastore.get_image_info(image).get("path")
    return path is None or served.takes(path)
