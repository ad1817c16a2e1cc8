"""The app: which models, trainers, scores and strategies a server of MONAI Label offers."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from fastapi import HTTPException
from monailabel.interfaces.app import MONAILabelApp
from monailabel.interfaces.exception import MONAILabelException
from monailabel.utils.async_tasks.utils import tasks

from monai_nlseg import __version__
from monai_nlseg.errors import root_cause, sentence
from monai_nlseg.label.background import end_with_server
from monai_nlseg.label.batch import BundleBatchInfer
from monai_nlseg.label.dicomweb import mend_conversions, require_writer
from monai_nlseg.label.infer import BundleInfer
from monai_nlseg.label.options import AppOptions
from monai_nlseg.label.scoring import scorings, unfinished
from monai_nlseg.label.served import served_bundles
from monai_nlseg.label.strategies import strategies
from monai_nlseg.label.train import BundleTrain
from monai_nlseg.label.training_data import image_name

__all__ = ["LabelApp"]

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")


class LabelApp(MONAILabelApp):
    """All bundles that ``app.json`` names.

    Args:
        app_dir: folder of the app.
        studies: folder of images, or URL of a DICOMweb server.
        conf: what the command line gives by ``--conf``: see :class:`AppOptions`.

    Raises:
        ValueError: if ``app.json`` is damaged, or an option is unknown.
    """

    def __init__(self, app_dir: str, studies: str, conf: Mapping[str, str]) -> None:
        end_with_server()
        self.options = AppOptions.of(conf)
        self.served = self.options.chosen(served_bundles(app_dir))
        super().__init__(
            app_dir=app_dir,
            studies=studies,
            conf=dict(conf),
            name="MONAI Label - monai_nlseg",
            description="Segmentation with non-local context. For research, not for clinical use.",
            version=__version__,
        )

    def init_infers(self) -> dict[str, Any]:
        """One a bundle."""
        return {name: BundleInfer(served) for name, served in self.served.items()}

    def init_trainers(self) -> dict[str, Any]:
        """One a bundle."""
        return {name: BundleTrain(served, self.options) for name, served in self.served.items()}

    def init_scoring_methods(self) -> dict[str, Any]:
        """Two a bundle, by dropout and by disagreement, as far as its network has what they need."""
        return scorings(self.served, self.options)

    def init_strategies(self) -> dict[str, Any]:
        """For each score the image that it is highest for, and a random one."""
        return {**super().init_strategies(), **strategies(self.served)}

    def init_batch_infer(self) -> Any:
        """One for all."""
        return BundleBatchInfer(self.served)

    def infer(self, request: dict[str, Any], datastore: Any = None) -> dict[str, Any]:
        """As MONAI Label has it; a fault of the request is answered by its sentence."""
        image, studies = request.get("image"), datastore or self.datastore()
        if isinstance(image, str) and not Path(image).exists() and not _found(studies, image):
            raise HTTPException(404, _missing(studies, image))
        return _explained(super().infer, request, datastore)

    def train(self, request: dict[str, Any]) -> dict[str, Any]:
        """As MONAI Label has it; a fault of the request is answered by its sentence, if the answer is waited for."""
        return _explained(super().train, request)

    def next_sample(self, request: dict[str, Any]) -> dict[str, Any]:
        """As MONAI Label has it; a fault of the request is answered by its sentence."""
        return _explained(super().next_sample, request)

    def async_scoring(self, method: str | None, params: Any = None) -> Any:
        """As MONAI Label has it, which asks for all scores at each image that it offers.

        So of all scores only those are computed that something is left for, and none while others are or wait.
        """
        if method is not None:
            return super().async_scoring(method, params)
        if any(task["status"] in ("SUBMITTED", "RUNNING") for task in tasks("scoring")):
            return {}
        names = unfinished(self._scoring_methods, self.datastore())
        return {name: super(LabelApp, self).async_scoring(name, params) for name in names}

    def init_remote_datastore(self) -> Any:
        """As MONAI Label has it, but DICOM SEG and label maps agree in names, values and geometry.

        Raises:
            ValueError: if the environment lacks what writes DICOM SEG.
        """
        mend_conversions(self.served)
        return super().init_remote_datastore()

    def _download_dcmqi_tools(self) -> None:
        require_writer()  # where MONAI Label asks the network


def _found(studies: Any, image: str) -> bool:
    try:
        return bool(studies.get_image_uri(image))
    except IndexError:  # a DICOMweb server's answer holds no series, of which MONAI Label takes the first
        return False


def _missing(studies: Any, image: str) -> str:
    name = image_name(image)
    if name != image and _found(studies, name):
        return f"images are named without their suffix: ask for {name!r}."
    return f"there is no image {image!r} among the studies: upload it, or ask for another."


def _explained(asked: Callable[..., Answer], *arguments: Any) -> Answer:
    """MONAI Label answers any exception by "Internal Server Error", and an HTTPException by what it says."""
    try:
        return asked(*arguments)
    except MONAILabelException as error:
        raise HTTPException(404, error.msg) from error
    except ValueError as error:
        raise HTTPException(400, str(error)) from error
    except (RuntimeError, OSError, MemoryError) as error:
        if isinstance(root_cause(error), ValueError):  # MONAI's transforms make RuntimeErrors of all errors
            raise HTTPException(400, sentence(error)) from error
        # No room in memory or on the disk, or a fault of the GPU.
        logger.exception("a request has failed")
        raise HTTPException(500, f"the server has failed: {sentence(error)}") from error
