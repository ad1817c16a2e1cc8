"""A bundle as a server holds it: what it is called, and its network with the weights that are there now."""

from __future__ import annotations

import json
import logging
import re
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser

from monai_nlseg.bundle import config_file, find_bundle
from monai_nlseg.cohort.case_list import LISTS
from monai_nlseg.cohort.cases import find_cases
from monai_nlseg.cohort.label_maps import LabelNames
from monai_nlseg.cohort.model import Item, Model
from monai_nlseg.cohort.plan import plan_worker
from monai_nlseg.cohort.staging import stage
from monai_nlseg.cohort.workflow import add_scripts
from monai_nlseg.errors import sentence
from monai_nlseg.io.formats import is_picture, is_volume
from monai_nlseg.io.volumes import read_header
from monai_nlseg.label.devices import device_named
from monai_nlseg.label.uncertainty import has_dropout

__all__ = ["ServedBundle", "served_bundles", "staged_image"]

logger = logging.getLogger(__name__)


@dataclass
class ServedBundle:
    """A model of an app.

    Attributes:
        name: under which it is asked for.
        root: folder of the bundle in the app.
        overrides: config id -> value, of its inference and its training.
        weights: the file that its inference loads, which may be missing until it has been trained.
        busy: held while the network computes, or its weights are exchanged.
    """

    name: str
    root: Path
    overrides: Mapping[str, Any] = field(default_factory=dict)
    weights: Path = field(init=False)
    busy: threading.RLock = field(init=False, default_factory=threading.RLock, repr=False)

    def __post_init__(self) -> None:
        self._metadata = json.loads((self.root / "configs" / "metadata.json").read_text(encoding="utf-8"))
        known = {*self.overrides_of("inference"), *self.overrides_of("train")}
        if unknown := [name for name in self.overrides if name not in known]:
            raise ValueError(
                f"app.json: {self.name} overrides {', '.join(unknown)}, which is in neither config of its bundle, "
                "inference or train: correct the id, or leave it out."
            )
        try:
            formats = self._metadata["network_data_format"]
            self._image, self._pred = formats["inputs"]["image"], formats["outputs"]["pred"]
            self._image["spatial_shape"]
        except KeyError as error:
            raise ValueError(
                f"the metadata of {self.name} lack {error} of network_data_format#inputs#image#spatial_shape or "
                "#outputs#pred: this bundle segments no image, or complete configs/metadata.json."
            ) from None
        config = self._config
        named = config.get_parsed_content("checkpoint") if "checkpoint" in config else None
        self._names = LabelNames.of(config, self._pred)
        self.weights = Path(named or self.root / "models" / "model.pt")
        self._model: Model | None = None
        self._of: tuple[torch.device, int] | None = None
        self._planned_voxels = 0

    @property
    def description(self) -> str:
        """What its metadata call it, and what they say of it."""
        texts = [str(self._metadata[key]) for key in ("name", "description") if self._metadata.get(key)]
        return ": ".join(texts) or self.name

    @property
    def version(self) -> str:
        """Of the bundle."""
        return str(self._metadata.get("version", ""))

    @property
    def labels(self) -> dict[str, int]:
        """Name -> value in the label map."""
        channels = int(self._pred.get("num_channels", len(self._names.channels)))
        return {name: label for label, name in self._names.of_labels(channels, channels > 1, False).items()}

    @cached_property
    def dimension(self) -> int:
        """Spatial axes of its images: 3 also for a network that goes through volumes slice by slice."""
        return 3 if "Slice" in str(self._config["inferer"]) else len(self._image["spatial_shape"])

    @cached_property
    def dropout(self) -> bool:
        """Whether its network has layers of dropout; False, with a warning, if it cannot be built here."""
        add_scripts(self.root)
        try:
            return has_dropout(self._config.get_parsed_content("network_def"))
        except Exception as error:  # whoever asks for the model is told; the other models are served
            logger.warning("%s has no score by dropout, its network cannot be built: %s", self.name, sentence(error))
            return False

    def takes(self, image: str | Path) -> bool:
        """Whether an image is of its kind, by no more than its name and header: studies may mix volumes and pictures.

        What cannot be told counts as taken; to read it will say what is wrong.
        """
        axes = _axes(image)
        if axes is None:
            return True
        if axes != self.dimension or axes == 2:
            return axes == self.dimension
        try:
            written = Path(image).stat().st_mtime_ns
        except OSError:
            return True
        found = _channels(str(image), written)
        return found is None or found == self._image.get("num_channels", found)

    def overrides_of(self, name: str) -> dict[str, Any]:
        """Those of a config of the bundle, ``inference`` or ``train``, told by the first part of their ids."""
        if not self.overrides:
            return {}
        try:
            ids = ConfigParser.load_config_file(str(config_file(self.root, name)))
        except ValueError:  # a bundle without a config for training
            if name == "inference":
                raise
            return {}
        return {key: value for key, value in self.overrides.items() if re.split("#|::", key)[0] in ids}

    def model(self, device: str) -> Model:
        """The bundle on a device with the weights that are there now, loaded strictly.

        Hold ``busy`` as long as it is used.

        Raises:
            ValueError: without weights, if they do not fit the network, or for no device of this machine.
        """
        asked = device_named(device)
        if not self.weights.is_file():
            raise ValueError(f"{self.name} has no weights yet: train it on labels that are saved, or restore them.")
        of = (asked, self.weights.stat().st_mtime_ns)
        if self._model is None or of != self._of:
            self._model = None  # first the memory of the last
            self._model = Model(self.root, {**self.overrides_of("inference"), "device": asked})
            self._of, self._planned_voxels = of, 0
        return self._model

    def read(self, model: Model, image: str | Path) -> Item:
        """Read an image, and take as many windows at a time as memory has room for.

        Args:
            model: what :meth:`model` returned.
            image: a file, or a folder with one DICOM series.

        Raises:
            ValueError: for what cannot be read, another number of channels, more than one image, or no room for it.
        """
        name, axes = Path(image).name, _axes(image)
        if axes is not None and axes != self.dimension:
            given, taken = ("picture", "volumes") if axes == 2 else ("volume", "pictures")
            raise ValueError(f"'{name}' is a {given}, {self.name} takes {taken}: ask for another model.")
        with tempfile.TemporaryDirectory(prefix="nlseg-") as folder:
            item = model.read(staged_image(image, Path(folder)))
        voxels = item.data["image"].numel()
        if voxels > self._planned_voxels:
            plan_worker(model, item, None)
            self._planned_voxels = voxels
        return item

    @property
    def _config(self) -> ConfigParser:
        parser = ConfigParser()
        parser.read_config(str(config_file(self.root, "inference")))
        parser.update({"bundle_root": str(self.root), **self.overrides_of("inference")})
        return parser


def staged_image(image: str | Path, folder: Path) -> tuple[Path, ...]:
    """What a bundle reads of one image.

    Args:
        image: a file, or a folder with one DICOM series.
        folder: for what DICOM is converted to.

    Raises:
        ValueError: for what is no image, a list of images (which clients can upload, and which may name any file or
            URL that this machine reaches), or more than one image.
    """
    if str(image).lower().endswith(LISTS):
        raise ValueError(f"'{Path(image).name}' is a list, no image: give one image.")
    cases = find_cases(image)
    if len(cases) != 1:
        raise ValueError(f"'{image}' holds {len(cases)} images: give one.")
    staged = stage(cases[0], folder).images
    if len(staged) != 1:
        raise ValueError(f"'{image}' holds {len(staged)} frames: give them one by one.")
    return staged[0]


def _axes(image: str | Path) -> int | None:
    """2 for pictures, 3 for volumes, by the name; None for folders and what may be either."""
    return 2 if is_picture(image) else 3 if is_volume(image) else None


@lru_cache(maxsize=100_000)
def _channels(volume: str, written: int) -> int | None:
    """By its header, once a file, for several bundles ask of all images again and again; None if that cannot be read.

    Args:
        volume: path.
        written: when it was written last, for it may be exchanged.
    """
    try:
        shape = read_header(volume).shape
    except ValueError:
        return None
    return int(shape[3]) if len(shape) > 3 else 1


def served_bundles(app: str | Path) -> dict[str, ServedBundle]:
    """What ``app.json`` in the folder of an app says is served.

    Raises:
        ValueError: if that file is missing or damaged, or names a bundle that is not in ``model/``.
    """
    path = Path(app) / "app.json"
    try:
        models = json.loads(path.read_text(encoding="utf-8"))["models"]
        return {
            name: ServedBundle(name, find_bundle(path.parent / "model" / model["bundle"]), model.get("overrides", {}))
            for name, model in models.items()
        }
    except (OSError, KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise ValueError(
            f"'{path}' is no list of models ({error}): write an app by nlseg label-app, and edit that one."
        ) from None
