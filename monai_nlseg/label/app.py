"""The app: the models, trainers, scores and strategies that a server of MONAI Label offers."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import HTTPException
from monailabel.config import settings
from monailabel.interfaces import app as interfaces
from monailabel.interfaces.app import MONAILabelApp
from monailabel.interfaces.exception import ImageNotFoundException
from monailabel.utils.async_tasks.utils import tasks

from monai_nlseg import __version__
from monai_nlseg.label.addresses import host_list, origin_list
from monai_nlseg.label.background import end_with_server
from monai_nlseg.label.batch import BundleBatchInfer
from monai_nlseg.label.datastore import GuardedDatastore, GuardedDICOMWebDatastore
from monai_nlseg.label.dicomweb import replace_conversions, require_writer
from monai_nlseg.label.explain import explained
from monai_nlseg.label.guard.install import guard_server
from monai_nlseg.label.guard.sessions import GuardedSessions
from monai_nlseg.label.infer import BundleInfer
from monai_nlseg.label.options import AppOptions
from monai_nlseg.label.scoring import scorings, unfinished
from monai_nlseg.label.served import served_bundles
from monai_nlseg.label.strategies import strategies
from monai_nlseg.label.train import BundleTrain
from monai_nlseg.label.training.data import image_name
from monai_nlseg.label.write import stored_options


class LabelApp(MONAILabelApp):
    """MONAI Label's app for all bundles that ``app.json`` names.

    Args:
        app_dir: folder of the app.
        studies: folder of images, or URL of a DICOMweb server.
        conf: the options that the command line gives by ``--conf``, which override those of ``app.json``: see
            :class:`AppOptions`.

    Raises:
        ValueError: if ``app.json`` is damaged, or an option is unknown.
    """

    def __init__(self, app_dir: str, studies: str, conf: Mapping[str, str]) -> None:
        end_with_server()
        self.options = AppOptions.of({**stored_options(app_dir), **conf})
        self.served = self.options.chosen(served_bundles(app_dir))
        super().__init__(
            app_dir=app_dir,
            studies=studies,
            conf=dict(conf),
            name="MONAI Label - monai_nlseg",
            description="Segmentation with non-local context. For research, not for clinical use.",
            version=__version__,
        )
        origins, hosts = origin_list([self.options.origins]), host_list(self.options.hosts)
        guard_server(origins, hosts, self.options.most_upload_bytes)

    def init_infers(self) -> dict[str, Any]:
        """Return an inference task for each bundle."""
        return {name: BundleInfer(served) for name, served in self.served.items()}

    def init_trainers(self) -> dict[str, Any]:
        """Return a training task for each bundle."""
        return {name: BundleTrain(served, self.options) for name, served in self.served.items()}

    def init_scoring_methods(self) -> dict[str, Any]:
        """Return the scoring methods of each bundle: by disagreement and, for a network with dropout, by dropout."""
        return scorings(self.served, self.options)

    def init_strategies(self) -> dict[str, Any]:
        """Return MONAI Label's random strategy, and for each score one that offers the image of the highest score."""
        return {**super().init_strategies(), **strategies(scorings(self.served, self.options))}

    def init_batch_infer(self) -> Any:
        """Return the task that infers many images by any of the bundles."""
        return BundleBatchInfer(self.served)

    def infer(self, request: dict[str, Any], datastore: Any = None) -> dict[str, Any]:
        """Infer an image as MONAI Label does, and answer an invalid request with a sentence that says why.

        Args:
            request: "model", "image" (the id of an image of the studies, or the path of a file that was sent or of a
                session's image), "save_label" (for images of the studies), "label_tag", and what
                :class:`BundleInfer` reads.
            datastore: where the images are; by default the server's datastore.
        """
        return explained(self._infer, request, datastore or self.datastore())

    def train(self, request: dict[str, Any]) -> dict[str, Any]:
        """Train as MONAI Label does, and answer an invalid request with a sentence, if the client waits for the answer.

        Args:
            request: "model", and what :class:`BundleTrain` reads.
        """
        return explained(super().train, request)

    def next_sample(self, request: dict[str, Any]) -> dict[str, Any]:
        """Choose the next image as MONAI Label does, and answer an invalid request with a sentence that says why.

        Args:
            request: "strategy", and what that strategy reads.
        """
        return explained(super().next_sample, request)

    def async_scoring(self, method: str | None, params: Any = None) -> Any:
        """Start a scoring in the background.

        MONAI Label asks for all scores whenever it offers an image. Then only those scores are computed that some image
        lacks, and none while another scoring runs or waits.

        Args:
            method: name of the score; None for all.
            params: settings of the scoring, as MONAI Label takes them.
        """
        if method is not None:
            return super().async_scoring(method, params)
        if any(task["status"] in ("SUBMITTED", "RUNNING") for task in tasks("scoring")):
            return {}
        names = unfinished(self._scoring_methods, self.datastore())
        return {name: super(LabelApp, self).async_scoring(name, params) for name in names}

    def init_datastore(self) -> Any:
        """Make the datastore as MONAI Label does, but refuse names that are paths and files outside its folder."""
        if "://" in self.studies:
            return super().init_datastore()
        extensions, reload = settings.MONAI_LABEL_DATASTORE_FILE_EXT, settings.MONAI_LABEL_DATASTORE_AUTO_RELOAD
        return GuardedDatastore(self.studies, extensions=extensions, auto_reload=reload)

    def init_remote_datastore(self) -> Any:
        """Make the datastore of a DICOMweb server, whose DICOM SEG and label maps agree in names, values and geometry.

        Raises:
            ValueError: if the environment lacks the program that writes DICOM SEG.
        """
        replace_conversions(self.served)
        interfaces.DICOMWebDatastore = GuardedDICOMWebDatastore  # the class that the next line instantiates
        return super().init_remote_datastore()

    def cleanup_sessions(self) -> None:
        """Remove expired sessions, also those that an earlier server has left."""
        if (sessions := self.sessions()) is not None:
            sessions.remove_expired()

    def _load_sessions(self, load: bool = False) -> GuardedSessions | None:
        path, expiry = settings.MONAI_LABEL_SESSION_PATH, settings.MONAI_LABEL_SESSION_EXPIRY
        return GuardedSessions(path, expiry, self.options.most_upload_bytes) if load else None

    def _infer(self, request: Mapping[str, Any], studies: Any) -> dict[str, Any]:
        """Infer an image whose id is looked up here, because MONAI Label would take it for a path in its own folder."""
        image, sent = str(request.get("image")), os.path.isabs(str(request.get("image")))
        if not sent and not _found(studies, image):
            raise HTTPException(404, _missing(studies, image))
        path = self._sent(image) if sent else studies.get_image_uri(image)
        answer: dict[str, Any] = super().infer({**request, "image": path, "save_label": False}, studies)
        if request.get("save_label") and not sent:
            about = {"model": request["model"], "params": answer["params"]}
            answer["label"] = studies.save_label(image, answer["file"], request.get("label_tag", "original"), about)
        return answer

    def _sent(self, path: str) -> str:
        """Return ``path`` if it lies where MONAI Label keeps the files that clients send.

        Raises:
            ValueError: for another path.
        """
        sessions = self.sessions()
        for folder in (tempfile.gettempdir(), *([sessions.store_path] if sessions is not None else [])):
            if Path(path).resolve().is_relative_to(Path(folder).resolve()):
                return path
        raise ValueError(
            "only images of the studies, of sessions and those sent with a request are segmented: name one."
        )

    def _download_dcmqi_tools(self) -> None:
        require_writer()  # MONAI Label downloads the program here


def _found(studies: Any, image: str) -> bool:
    try:
        return bool(studies.get_image_uri(image))
    except ImageNotFoundException:
        return False


def _missing(studies: Any, image: str) -> str:
    name = image_name(image)
    if name != image and _found(studies, name):
        return f"images are named without their suffix: ask for {name!r}."
    return f"there is no image {image!r} among the studies: upload it, or ask for another."
