"""A bundle as a server holds it: its description, and its network with the current weights."""

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

from monai_nlseg.bundle import Bundle, CheckpointError, add_scripts, find_bundle
from monai_nlseg.bundle.runtime.inferers import takes_volumes_by_slice
from monai_nlseg.bundle.runtime.item import Item
from monai_nlseg.bundle.runtime.model import Model
from monai_nlseg.cohort.cases.find import find_cases
from monai_nlseg.cohort.plan import plan_worker
from monai_nlseg.errors import sentence
from monai_nlseg.io.case_list import LISTS
from monai_nlseg.io.formats import is_picture, is_volume
from monai_nlseg.io.staging import stage
from monai_nlseg.io.volumes import read_header
from monai_nlseg.label.devices import device_named
from monai_nlseg.label.uncertainty import has_dropout

logger = logging.getLogger(__name__)


@dataclass
class ServedBundle:
    """A model of an app: a bundle with overrides.

    Attributes:
        name: the name by which clients ask for it.
        root: folder of the bundle in the app.
        overrides: config id -> value, for its inference and its training.
        bundle: the bundle in that folder.
        weights: the file that its inference loads, which may be missing until it has been trained.
        busy: held while the network computes, or its weights are exchanged.
    """

    name: str
    root: Path
    overrides: Mapping[str, Any] = field(default_factory=dict)
    bundle: Bundle = field(init=False, repr=False)
    weights: Path = field(init=False)
    busy: threading.RLock = field(init=False, default_factory=threading.RLock, repr=False)

    def __post_init__(self) -> None:
        self.bundle = Bundle(self.root)
        known = {*self.overrides_of("inference"), *self.overrides_of("train")}
        if unknown := [name for name in self.overrides if name not in known]:
            raise ValueError(
                f"app.json: {self.name} overrides {', '.join(unknown)}, which is in neither config of its bundle, "
                "inference or train: correct the id, or leave it out."
            )
        self._axes = self.bundle.spatial_dims
        self._names = self.bundle.label_names(**self.overrides_of("inference"))
        config = self._config
        named = config.get_parsed_content("checkpoint") if "checkpoint" in config else None
        self.weights = Path(named or self.bundle.weights)
        self._model: Model | None = None
        self._of: tuple[torch.device, int] | None = None
        self._planned_voxels = 0

    @property
    def description(self) -> str:
        """The name and the description in its metadata."""
        metadata = self.bundle.metadata
        texts = [str(metadata[key]) for key in ("name", "description") if metadata.get(key)]
        return ": ".join(texts) or self.name

    @property
    def version(self) -> str:
        """The version of the bundle by its metadata."""
        return str(self.bundle.metadata.get("version", ""))

    @property
    def labels(self) -> dict[str, int]:
        """Name -> value in the label map."""
        channels = int(self.bundle.scores_format.get("num_channels", len(self._names.channels)))
        return {name: label for label, name in self._names.of_labels(channels, channels > 1, False).items()}

    @cached_property
    def dimension(self) -> int:
        """The number of spatial axes of its images: 3 also for a network that goes through volumes slice by slice."""
        add_scripts(self.root)
        try:
            by_slice = takes_volumes_by_slice(self._config.get_parsed_content("inferer"))
        except Exception as error:  # whoever asks for the model gets the reason; the other models are served
            logger.warning("the inferer of %s cannot be built: %s", self.name, sentence(error))
            by_slice = False
        return 3 if by_slice else self._axes

    @cached_property
    def dropout(self) -> bool:
        """Whether its network has layers of dropout; False, with a warning, if it cannot be built here."""
        try:
            return has_dropout(self.bundle.network(**self.overrides_of("inference")))
        except Exception as error:  # whoever asks for the model gets the reason; the other models are served
            logger.warning("%s has no score by dropout, its network cannot be built: %s", self.name, sentence(error))
            return False

    def takes(self, image: str | Path) -> bool:
        """Return whether an image is of its kind, by its name and header: studies may mix volumes and pictures.

        If that remains open it counts as taken, and the error comes when it is read.

        Args:
            image: a file, or a folder with one DICOM series.
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
        return found is None or found == self.bundle.image_format.get("num_channels", found)

    def overrides_of(self, name: str) -> dict[str, Any]:
        """Return the overrides whose ids begin with an id of a config.

        Args:
            name: "inference" or "train".
        """
        if not self.overrides:
            return {}
        if name == "train" and not self.bundle.has_config("train"):
            return {}
        ids = self.bundle.config(name).get()
        return {key: value for key, value in self.overrides.items() if re.split("#|::", key)[0] in ids}

    def model(self, device: str) -> Model:
        """Return the bundle on a device with its current weights, loaded strictly.

        Hold ``busy`` as long as it is used.

        Args:
            device: "cpu", "cuda" or "cuda:1".

        Raises:
            ValueError: without weights, if they do not fit the network, or for a device that this machine lacks.
        """
        asked = device_named(device)
        if not self.weights.is_file():
            raise ValueError(f"{self.name} has no weights yet: train it on labels that are saved, or restore them.")
        of = (asked, self.weights.stat().st_mtime_ns)
        if self._model is None or of != self._of:
            self._model = None  # frees the memory of the last one first
            self._model = Model(self.root, {**self.overrides_of("inference"), "device": asked})
            self._of, self._planned_voxels = of, 0
        return self._model

    def require_fitting(self, weights: Path) -> None:
        """Refuse weights that this bundle could not be served with.

        Args:
            weights: path of a state dict, alone or under "model" in a checkpoint.

        Raises:
            ValueError: if they hold more than tensors, do not fit the network strictly, or hold NaN or infinity.
        """
        network = self.bundle.network(**self.overrides_of("inference"))
        try:
            self.bundle.load_weights(network, weights)
        except CheckpointError as error:
            raise ValueError(
                f"these weights do not fit {self.name} ({error.reason}): the served weights stay."
            ) from None
        if not all(bool(tensor.isfinite().all()) for tensor in network.state_dict().values()):
            raise ValueError(f"these weights hold NaN or infinity: the served weights of {self.name} stay.")

    def read(self, model: Model, image: str | Path) -> Item:
        """Read an image, and set as many windows per pass of the network as memory has room for.

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
        return self.bundle.config("inference", **self.overrides_of("inference"))


def staged_image(image: str | Path, folder: Path) -> tuple[Path, ...]:
    """Return the files of one image that a bundle reads.

    Args:
        image: a file, or a folder with one DICOM series.
        folder: folder for the files that DICOM is converted to.

    Raises:
        ValueError: for anything that is not an image, a list of images (which clients can upload, and which may name
            any file or URL that this machine reaches), or more than one image.
    """
    if str(image).lower().endswith(LISTS):
        raise ValueError(f"'{Path(image).name}' is a list, not an image: give one image.")
    cases = find_cases(image)
    if len(cases) != 1:
        raise ValueError(f"'{image}' holds {len(cases)} images: give one.")
    staged = stage(cases[0].images, folder).images
    if len(staged) != 1:
        raise ValueError(f"'{image}' holds {len(staged)} frames: give them one by one.")
    return staged[0]


def _axes(image: str | Path) -> int | None:
    """Return 2 for pictures and 3 for volumes, by the name; None for folders and what may be either."""
    return 2 if is_picture(image) else 3 if is_volume(image) else None


@lru_cache(maxsize=100_000)
def _channels(volume: str, written: int) -> int | None:
    """Return the number of channels by the header, or None if that cannot be read.

    The answers are kept, because several bundles ask about all images again and again.

    Args:
        volume: path of the file.
        written: time of its last change, because it may be replaced.
    """
    try:
        shape = read_header(volume).shape
    except ValueError:
        return None
    return int(shape[3]) if len(shape) > 3 else 1


def served_bundles(app: str | Path) -> dict[str, ServedBundle]:
    """Return the models that ``app.json`` in the folder of an app lists, by name.

    Args:
        app: the folder.

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
            f"'{path}' is not a list of models ({error}): write an app by nlseg label-app, and edit that one."
        ) from None
