"""Rules for single functions of MONAI Label's endpoints, which check and change the arguments by name."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from fastapi import HTTPException
from monailabel.datastore.dicom import DICOMWebDatastore
from monailabel.endpoints import ohif
from monailabel.interfaces.utils.app import app_instance
from monailabel.utils.others.generic import name_to_device

from monai_nlseg.bounds import shown
from monai_nlseg.io.formats import DICOM, PICTURES, VOLUMES
from monai_nlseg.label.devices import device_named
from monai_nlseg.label.guard.archives import ARCHIVES
from monai_nlseg.label.guard.names import safe_name
from monai_nlseg.label.guard.sessions import GuardedSessions
from monai_nlseg.label.guard.values import check_settings, checked_object
from monai_nlseg.label.infer import RESULTS
from monai_nlseg.label.offers import error_key, weights_key
from monai_nlseg.label.scoring import scorings
from monai_nlseg.label.training.request import TrainingRequest

Arguments = dict[str, Any]

IMAGES = tuple(suffix for suffix in (*VOLUMES, *PICTURES) if suffix not in (".hdr", ".hdr.gz", ".nhdr", ".mhd"))
"""Suffixes of images in one file."""
WEIGHTS = (".pt", ".pth")
CHECKSUM = re.compile(r"((SHA256|SHA512|MD5):)?[0-9a-fA-F]{1,128}")
DICOMWEB = re.compile(r"(studies|series|instances)(/(?!\.+(?:/|$))[A-Za-z0-9.,_-]+)*/?")
STORED = re.compile(r"studies(/[0-9.]+)?/?")
MOST_LETTERS = 50_000
"""Linux limits an argument of a command line to 128 kB."""
OF_DATASTORE = {"path", "ts", "name", "strategy", "checksum"}
"""Notes that the datastore itself keeps on an image."""
OF_OFFERS = {"id", "weight", "score"}
"""Keys of the answer to a request for the next image, which MONAI Label overwrites by the image's notes."""


def _add_image(given: Arguments) -> None:
    _check_file("file", given["file"], IMAGES)
    _check_info(json.loads(given["params"]))


def _save_label(given: Arguments) -> None:
    remote = isinstance(app_instance().datastore(), DICOMWebDatastore)
    _check_file("label", given["label"], (*IMAGES, ".bin") if remote else IMAGES)
    _check_info(json.loads(given["params"]))


def _update_info(given: Arguments) -> None:
    _check_info(json.loads(given["info"]))


def _download_image(given: Arguments) -> None:
    checksum = given.get("check_sum")
    if checksum and not CHECKSUM.fullmatch(checksum):
        raise ValueError(f"the checksum {shown(checksum)} is invalid: give SHA256:, SHA512: or MD5: and its digits.")


def _infer(given: Arguments) -> None:
    app, remote = app_instance(), isinstance(app_instance().datastore(), DICOMWebDatastore)
    if not (given.get("image") or given.get("session_id") or given.get("file")):
        raise ValueError("nothing is given to segment: name an image or a session, or send a file.")
    if given.get("file") and (given.get("image") or given.get("session_id")):
        raise ValueError("a file is sent as well as the name of an image or session: give only one of them to segment.")
    if given.get("output") == "dicom_seg" and not remote:
        raise ValueError("DICOM SEG is made of series of a DICOMweb server only: ask for another output.")
    _check_known("model", given["model"], app._infers)
    for name, suffixes in (("file", (*IMAGES, *DICOM)), ("label", (*IMAGES, ".bin") if remote else IMAGES)):
        if given.get(name):
            _check_file(name, given[name], suffixes)
    if session := given.get("session_id"):
        _check_session(session, app.sessions())
    settings = json.loads(given["params"])
    own = {name: given.get(name) for name in ("model", "image", "session_id")}
    check_settings(settings, own, refused=("save_label", "label_tag", "images"))
    _check_device(settings)
    if (suffix := settings.get("result_extension")) and suffix not in RESULTS:
        raise ValueError(f"result_extension {shown(suffix)} is unknown: ask for {', '.join(RESULTS)}.")


def _batch(given: Arguments) -> None:
    _check_known("model", given["model"], app_instance()._infers)
    given["params"] = settings = _of_task(given)
    check_settings({name: value for name, value in settings.items() if name != "images"}, {"model": given["model"]})
    _check_device(settings)
    images = settings.get("images")
    if images is not None and images not in ("all", "labeled", "unlabeled"):
        check_settings({"images": images})


def _train(given: Arguments) -> None:
    """Check the training of one model, or of all, with the settings of each under its name."""
    app = app_instance()
    settings, own = _of_task(given), {}
    if "model" in given:
        _check_known("model", given["model"], app._trainers)
        own = {"model": given["model"]}
    each = [settings.pop(name) for name in list(app._trainers) if name in settings]
    for part in [settings, *each]:
        check_settings(checked_object("params", part), own, refused=("images",))
        TrainingRequest.of(part, app.options, name_to_device(part.get("device")))


def _score(given: Arguments) -> None:
    """Check the scoring by one method, or by all, with the settings of each under its name."""
    app = app_instance()
    settings, own = _of_task(given), {}
    if "method" in given:
        _check_known("method", given["method"], app._scoring_methods)
        own = {"method": given["method"]}
    each = [settings.pop(name) for name in list(app._scoring_methods) if name in settings]
    for part in [settings, *each]:
        check_settings(checked_object("params", part), own, refused=("images",))
        _check_device(part)


def _sample(given: Arguments) -> None:
    _check_known("strategy", given["strategy"], app_instance()._strategies)
    check_settings(given.get("params") or {}, {"strategy": given["strategy"]}, refused=("images",))


def _get_session(given: Arguments) -> None:
    _check_session(given["session_id"], sessions := app_instance().sessions())
    if given.get("image") and os.path.isdir(sessions.get_session(given["session_id"], update_ts=False).image):
        raise ValueError("the session holds a folder: only a session of one file is handed out.")


def _create_session(given: Arguments) -> None:
    files = given["files"]
    names = [file.filename or "" for file in files]
    packed = given.get("uncompress") and len(files) == 1
    for file in files:
        safe_name("file", file.filename or "")
        if file.filename == "meta.info":
            raise ValueError("the file 'meta.info' is refused: the session has one of its own, so rename it.")
        if packed or "." in file.filename:
            _check_file("file", file, ARCHIVES if packed else None)
    if len(set(names)) < len(names):
        raise ValueError("two files have the same name, so one would be lost: give each its own name.")


def _update_model(given: Arguments) -> None:
    _check_known("model", given["model"], app_instance()._infers)
    _check_file("file", given["file"], WEIGHTS)


def _ohif(given: Arguments) -> None:
    if given["path"] and os.path.isdir(Path(ohif.__file__).parent / "static" / "ohif" / given["path"]):
        raise HTTPException(404, f"{shown(given['path'])} is a folder of OHIF: open /ohif/.")


def _logs(given: Arguments) -> None:
    if not os.path.isfile(given["logger_file"]):
        raise HTTPException(404, "there is no log: the server writes it elsewhere.")


def _proxy(given: Arguments) -> None:
    path = given["path"]
    if not isinstance(app_instance().datastore(), DICOMWebDatastore):
        raise HTTPException(404, "there is no DICOMweb server: the studies are a folder.")
    if not DICOMWEB.fullmatch(path):
        raise ValueError(f"the path {shown(path)} is not a path of DICOMweb: ask for studies, series or instances.")
    if given["request"].method == "POST" and not STORED.fullmatch(path):
        raise ValueError(f"nothing is stored at {shown(path)}: DICOMweb stores at studies, or at one of them.")


def _check_info(info: Mapping[str, Any]) -> None:
    """Refuse notes that only the server makes: they decide which image is offered next."""
    scores = scorings(app_instance().served, app_instance().options)
    own = {*OF_DATASTORE, *OF_OFFERS, *scores, *map(weights_key, scores), *map(error_key, scores)}
    for name in info:
        if name in own:
            raise ValueError(f"the note {shown(name)} is the server's own: leave it out.")
    check_settings({name: info[name] for name in ("label_info", "client_id") if name in info})


def _check_file(what: str, file: Any, suffixes: Iterable[str] | None) -> None:
    """Check the name and the suffix of a file; without suffixes, those of all images are taken."""
    taken = tuple(suffixes or (*IMAGES, *DICOM))
    name = safe_name(what, file.filename or "")
    if not name.lower().endswith(taken):
        raise ValueError(f"the {what} {shown(name)} is not of a supported format: send one of {', '.join(taken)}.")


def _check_session(name: str, sessions: GuardedSessions | None) -> None:
    if sessions is None or sessions.get_session(name, update_ts=False) is None:
        raise HTTPException(404, f"there is no session {name!r}: it may have expired, so make another.")


def _check_known(what: str, name: str, known: Iterable[str]) -> None:
    if name not in known:
        raise HTTPException(404, f"there is no {what} {name!r}: choose {', '.join(known)}.")


def _check_device(settings: Mapping[str, Any]) -> None:
    if device := settings.get("device"):
        device_named(name_to_device(device))


def _of_task(given: Arguments) -> dict[str, Any]:
    """Return the settings of a task, whose process gets them on its command line."""
    settings = dict(given.get("params") or {})
    if len(json.dumps(settings)) > MOST_LETTERS:
        raise ValueError(f"the settings have more than {MOST_LETTERS} letters: give fewer.")
    return settings


RULES: dict[str, Callable[[Arguments], None]] = {
    "datastore.add_image": _add_image,
    "datastore.save_label": _save_label,
    "datastore.download_image": _download_image,
    "datastore.update_image_info": _update_info,
    "datastore.update_label_info": _update_info,
    "infer.run_inference": _infer,
    "batch_infer.run": _batch,
    "train.run": _train,
    "train.run_model": _train,
    "scoring.run": _score,
    "scoring.run_method": _score,
    "activelearning.sample": _sample,
    "session.get_session": _get_session,
    "session.create_session": _create_session,
    "model.update_model": _update_model,
    "logs.get_logs": _logs,
    "ohif.get_ohif": _ohif,
    "proxy.proxy_dicom": _proxy,
}
"""module.function -> its rule."""
