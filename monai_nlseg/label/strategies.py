"""The choice of the image to label next: the one that a bundle is most uncertain of."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from monailabel.interfaces.datastore import Datastore
from monailabel.interfaces.tasks.strategy import Strategy

from monai_nlseg.label.offers import offer_order
from monai_nlseg.label.scoring import BundleScoring
from monai_nlseg.label.served import ServedBundle

logger = logging.getLogger(__name__)


def strategies(methods: Mapping[str, BundleScoring]) -> dict[str, MostUncertain]:
    """Return a strategy for each score, under the name of the score.

    Args:
        methods: name -> scoring method.
    """
    return {name: MostUncertain(name, method.served) for name, method in methods.items()}


class MostUncertain(Strategy):
    """A strategy that offers the unlabelled image of the highest score among those that the bundle takes.

    The order is that of :func:`offer_order`. The strategy computes no score: the server does so in the background.

    Args:
        name: name of the score.
        served: the bundle.
    """

    def __init__(self, name: str, served: ServedBundle) -> None:
        super().__init__(f"The image of the highest {name}")
        self.name, self.served = name, served

    def __call__(self, request: Mapping[str, Any], datastore: Datastore) -> dict[str, Any] | None:
        """Choose an image.

        Args:
            request: optionally "client_id", "label_tag" and "labels".
            datastore: where the images are.

        Returns:
            "id" and "score", which is None if the image has none yet; None if no image is left.
        """
        images = {
            image: datastore.get_image_info(image)
            for image in datastore.get_unlabeled_images(request.get("label_tag"), request.get("labels"))
        }
        for image in offer_order(images, self.name, request.get("client_id"), time.time()):
            path = images[image].get("path")
            if path is None or self.served.takes(path):
                score = images[image].get(self.name)
                logger.info("%s: %s of %d unlabelled images, score %s", self.name, image, len(images), score)
                return {"id": image, "score": score}
        return None
