"""A MONAI bundle: its metadata, configs, network and weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser
from torch import nn

from monai_nlseg.bounds import shown
from monai_nlseg.bundle.checkpoints import load_weights
from monai_nlseg.bundle.configs import read_configs, read_mapping, require_ids, require_readable
from monai_nlseg.bundle.find import CONFIG_SUFFIXES, config_file, find_bundle
from monai_nlseg.bundle.identity import BundleIdentity, identify
from monai_nlseg.bundle.label_names import LabelNames
from monai_nlseg.bundle.scripts import add_scripts
from monai_nlseg.bundle.workflow import Workflow
from monai_nlseg.requirements import InputRequirements, ResultLimits

MOST_AXES = 3


class Bundle:
    """A MONAI bundle, of which each file is read when something first asks for it.

    Args:
        root: path of a bundle, or the name of one that ships with the package.

    Attributes:
        root: the bundle's folder, an absolute path.
        name: the name of that folder.

    Raises:
        ValueError: if ``root`` is not a bundle.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = find_bundle(root)
        self.name = self.root.name

    @property
    def metadata_file(self) -> Path:
        """The file of the metadata, which MONAI's specification names ``configs/metadata.json``."""
        return self.root / "configs" / "metadata.json"

    @property
    def weights(self) -> Path:
        """The file of the weights that the bundle ships or trains, which may be missing."""
        return self.root / "models" / "model.pt"

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """The content of the file of the metadata.

        Raises:
            ValueError: if they cannot be read.
        """
        return read_mapping(self.metadata_file)

    @property
    def image_format(self) -> Mapping[str, Any]:
        """The format of the network's input by the metadata: "num_channels", "spatial_shape", "value_range" and so on.

        Raises:
            ValueError: if the metadata lack it.
        """
        return self._tensor_format("inputs", "image")

    @property
    def scores_format(self) -> Mapping[str, Any]:
        """The format of the network's output by the metadata: "num_channels", "channel_def" and so on.

        Raises:
            ValueError: if the metadata lack it.
        """
        return self._tensor_format("outputs", "pred")

    @property
    def spatial_dims(self) -> int:
        """The number of spatial axes of the network's input by the metadata.

        Raises:
            ValueError: if the metadata do not list a size for each of one to three axes.
        """
        shape = self.image_format.get("spatial_shape")
        if not isinstance(shape, list) or not 1 <= len(shape) <= MOST_AXES:
            raise ValueError(
                f"the spatial_shape in the metadata of {self.name} is {shown(shape)}: list a size for each axis."
            )
        return len(shape)

    @cached_property
    def requirements(self) -> InputRequirements | None:
        """The requirements for images, ``input_requirements`` of the metadata; None if there are none.

        Raises:
            ValueError: if the metadata state an invalid requirement.
        """
        if (entries := self.metadata.get("input_requirements")) is None:
            return None
        try:
            return InputRequirements.from_json(entries)
        except ValueError as error:
            raise ValueError(f"input_requirements in '{self.metadata_file}': {error}") from None

    def result_limits(self, task: str | None = None, names: Mapping[str, str] | None = None) -> ResultLimits | None:
        """Return how large labels can be, by ``result_limits`` of the metadata.

        Args:
            task: one of the tasks for which the metadata have limits: ``{"fetal-head": {"share": ...}, ...}``.
            names: value in the label map -> name; by default the ``channel_def`` of the output.

        Returns:
            None if the metadata state no limits, or none for the task.

        Raises:
            ValueError: if the metadata state invalid limits.
        """
        if (entries := self.metadata.get("result_limits")) is None:
            return None
        try:
            if task is not None:
                if not isinstance(entries, Mapping):
                    raise ValueError(f"{entries!r} are not limits by task.")
                if task not in entries:
                    return None
                entries = entries[task]
            if names is None:
                names = self.scores_format.get("channel_def")
            if not isinstance(names, Mapping):
                raise ValueError(f"they need channel_def to be names by value, and it is {names!r}.")
            return ResultLimits.from_json(entries, names)
        except ValueError as error:
            raise ValueError(f"result_limits in '{self.metadata_file}': {error}") from None

    def label_names(self, /, **overrides: Any) -> LabelNames:
        """Return the names of the values in the label maps that the inference config makes.

        Args:
            overrides: config id -> value.

        Raises:
            ValueError: as :meth:`LabelNames.of`, or if the metadata or the config cannot be read.
        """
        return LabelNames.of(self.config("inference", **overrides), self.scores_format)

    def identity(self, overrides: Mapping[str, Any]) -> BundleIdentity:
        """Return which bundle, with which configs and weights, a run with these overrides uses.

        Args:
            overrides: config id -> value.

        Raises:
            ValueError: if the metadata are damaged, or there are no weights.
        """
        return identify(self.root, self.metadata, overrides)

    def has_config(self, name: str) -> bool:
        """Return whether the bundle has a config.

        Args:
            name: name of the config, such as "train".
        """
        return any((self.root / "configs" / f"{name}{suffix}").is_file() for suffix in CONFIG_SUFFIXES)

    def config_files(self, names: Sequence[str]) -> list[str]:
        """Return the files of configs that can be read.

        Args:
            names: names of configs, such as ``["train", "evaluate"]``.

        Raises:
            ValueError: for a config that the bundle does not have, and for a config or metadata that cannot be read.
        """
        files = [config_file(self.root, name) for name in names]
        require_readable(*files, self.metadata_file)
        return [str(file) for file in files]

    def config(self, /, *names: str, **overrides: Any) -> ConfigParser:
        """Return a new parser of configs, of which nothing is evaluated yet.

        The metadata are under the id ``_meta_``, and ``bundle_root`` is the bundle's folder.

        Args:
            names: names of configs, the later ones overlaid on the earlier.
            overrides: config id -> value.

        Raises:
            ValueError: as :meth:`config_files`.
        """
        parser = read_configs(self.config_files(names))
        parser.read_meta(str(self.metadata_file))
        parser.update({"bundle_root": str(self.root), **overrides})
        return parser

    def workflow(self, /, *names: str, workflow_type: str | None = None, **overrides: Any) -> Workflow:
        """Return a new workflow of configs, not yet initialized, which leaves logging as it is.

        Args:
            names: names of configs, the later ones overlaid on the earlier.
            workflow_type: "train" or "infer", by which MONAI knows the ids that it must have; None for any.
            overrides: config id -> value.

        Raises:
            ValueError: as :meth:`config_files`.
        """
        add_scripts(self.root)
        return Workflow(
            config_file=self.config_files(names),
            meta_file=str(self.metadata_file),
            logging_file=False,
            workflow_type=workflow_type,
            **{"bundle_root": str(self.root), **overrides},
        )

    def network(self, /, **overrides: Any) -> nn.Module:
        """Return the network of the inference config as it is built, without trained weights, in evaluation mode.

        Args:
            overrides: config id -> value.

        Raises:
            ValueError: if the inference config has no ``network_def``, or that is not a network.
        """
        parser = self.config("inference", **overrides)
        require_ids(parser, ["network_def"], f"the config inference of {self.name}")
        add_scripts(self.root)
        network = parser.get_parsed_content("network_def")
        if not isinstance(network, nn.Module):
            raise ValueError(
                f"network_def of {self.name} is a {type(network).__name__}: define it as a torch.nn.Module."
            )
        return network.eval()

    def load_weights(self, network: nn.Module, path: str | Path | None = None) -> None:
        """Load weights into a network of the bundle, strictly; nothing of their file is executed.

        Args:
            network: the network.
            path: a state dict, alone or under "model" in a checkpoint; by default :attr:`weights`.

        Raises:
            ValueError: if there is no such file, it cannot be read, or it does not fit.
        """
        path = self.weights if path is None else Path(path)
        if not path.exists():
            raise ValueError(f"'{path}' does not exist: train the bundle first, or give a checkpoint.")
        load_weights(network, path)

    def _tensor_format(self, *keys: str) -> Mapping[str, Any]:
        found: Any = self.metadata
        for key in ("network_data_format", *keys):
            found = found.get(key) if isinstance(found, Mapping) else None
            if not isinstance(found, Mapping):
                raise ValueError(
                    f"the metadata of {self.name} lack '{key}' of network_data_format#{'#'.join(keys)}: this bundle "
                    "segments no image, or complete configs/metadata.json."
                )
        return found
