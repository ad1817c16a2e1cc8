"""The app: which models, trainers, scores and strategies a server of MONAI Label offers."""

from __future__ import annotations

import os
import shutil
import sysconfig
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from fastapi import HTTPException
from monai.transforms import LoadImage
from monailabel.datastore import dicom
from monailabel.datastore.utils.convert import nifti_to_dicom_seg
from monailabel.endpoints import infer as infer_endpoint
from monailabel.interfaces.app import MONAILabelApp
from monailabel.interfaces.exception import MONAILabelException

from monai_nlseg import __version__
from monai_nlseg.label.batch import BundleBatchInfer
from monai_nlseg.label.infer import BundleInfer
from monai_nlseg.label.options import AppOptions
from monai_nlseg.label.scoring import scorings
from monai_nlseg.label.segments import told_of_present
from monai_nlseg.label.served import served_bundles
from monai_nlseg.label.strategies import strategies
from monai_nlseg.label.train import BundleTrain

__all__ = ["LabelApp"]

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
        if isinstance(image, str) and not Path(image).exists() and not studies.get_image_uri(image):
            raise HTTPException(404, f"there is no image {image!r} among the studies: upload it, or ask for another.")
        return _explained(super().infer, request, datastore)

    def next_sample(self, request: dict[str, Any]) -> dict[str, Any]:
        """As MONAI Label has it; a fault of the request is answered by its sentence."""
        return _explained(super().next_sample, request)

    def async_scoring(self, method: str | None, params: Any = None) -> Any:
        """As MONAI Label has it, but no process is started where nothing is left to score."""
        if method is None and not any(scoring.pending(self.datastore()) for scoring in self._scoring_methods.values()):
            return {}
        return super().async_scoring(method, params)

    def init_remote_datastore(self) -> Any:
        """As MONAI Label has it; the segments of a DICOM SEG get the names of their labels.

        Raises:
            ValueError: if the environment lacks what writes DICOM SEG.
        """
        for module in (dicom, infer_endpoint):
            module.nifti_to_dicom_seg = _dicom_seg
        return super().init_remote_datastore()

    def _download_dcmqi_tools(self) -> None:
        # MONAI Label asks the network for what is in the environment, of which PATH need not know.
        os.environ["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
        if not shutil.which("itkimage2segimage"):
            raise ValueError("studies on a DICOMweb server need the program itkimage2segimage: pip install dcmqi.")


def _explained(asked: Callable[..., Answer], *arguments: Any) -> Answer:
    """MONAI Label answers any exception by "Internal Server Error", and an HTTPException by what it says."""
    try:
        return asked(*arguments)
    except MONAILabelException as error:
        raise HTTPException(404, error.msg) from error
    except ValueError as error:
        raise HTTPException(400, str(error)) from error


def _dicom_seg(series: str, labels: str, told: Sequence[Mapping[str, Any]] | None, **options: Any) -> str:
    """As MONAI Label has it, which names the first label that is there by the first entry, though it be label 2."""
    values = np.unique(np.asarray(LoadImage(image_only=True)(labels))).astype(int).tolist()
    if not any(values):
        raise HTTPException(400, "the label map is empty, and a DICOM SEG holds at least one voxel of one segment.")
    made = str(nifti_to_dicom_seg(series, labels, told_of_present(values, told or ()), **options))
    if not os.path.isfile(made):
        raise HTTPException(400, "itkimage2segimage made no DICOM SEG of the label map: the server's log says why.")
    return made
