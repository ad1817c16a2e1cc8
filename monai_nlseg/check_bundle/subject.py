"""The bundle that is checked."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser

from monai_nlseg.bundle import Bundle
from monai_nlseg.bundle.find import config_file
from monai_nlseg.io.regular import refuse_special_file

README = Path("docs", "README.md")


class Subject:
    """A bundle whose parts are each read when a check first asks for them.

    Args:
        root: folder of the bundle.

    Attributes:
        bundle: the bundle.
        root: its folder.
        weights: the file models/model.pt, or None if the bundle ships none.

    Raises:
        ValueError: from each property, if the file that it reads is missing or damaged.
    """

    def __init__(self, root: Path) -> None:
        self.bundle = Bundle(root)
        self.root = self.bundle.root
        self.weights = self.bundle.weights if self.bundle.weights.is_file() else None

    @property
    def metadata(self) -> dict[str, Any]:
        """Content of the bundle's metadata.json."""
        return self.bundle.metadata

    @cached_property
    def readme(self) -> str:
        """Text of docs/README.md; empty if there is none."""
        path = self.root / README
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    def config(self, name: str) -> Path | None:
        """Return the file of a config, or None.

        Args:
            name: name of the config, such as "inference".
        """
        return config_file(self.root, name) if self.bundle.has_config(name) else None

    def parser(self, *names: str) -> ConfigParser:
        """Return a new parser of configs, each laid over the ones before it.

        Args:
            names: names of the configs.

        Raises:
            ValueError: for a config that does not exist or cannot be read.
            KeyError: for an override of a part of an id that no config before it defines.
        """
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Can't merge entry")  # an overlay may be parsed alone
            return self.bundle.config(*names)

    @cached_property
    def network(self) -> torch.nn.Module:
        """The inference config's network with its initial weights, on the CPU, in evaluation mode."""
        return self.bundle.network()

    def add_weights(self) -> None:
        """Write the network's initial weights into a bundle without weights, so that its configs can be built."""
        path = self.bundle.weights
        if not path.is_file():
            path.parent.mkdir(exist_ok=True)
            torch.save(self.network.state_dict(), path)

    def data_format(self, kind: str, name: str) -> Mapping[str, Any]:
        """Return the format of a tensor in the metadata.

        Args:
            kind: "inputs" or "outputs".
            name: name of the tensor, such as "image" or "pred".

        Raises:
            ValueError: if the metadata lack it, its spatial shape, its number of channels or its dtype.
        """
        try:
            found = self.metadata["network_data_format"][kind][name]
        except (KeyError, TypeError):
            found = None
        if not isinstance(found, Mapping):
            raise ValueError(f"the metadata have no network_data_format with {kind} '{name}'")
        shape, channels = found.get("spatial_shape"), found.get("num_channels")
        if not isinstance(shape, list) or not shape or not isinstance(channels, int) or "dtype" not in found:
            raise ValueError(
                f"{kind} '{name}' of network_data_format lacks a list spatial_shape, a whole num_channels or a dtype"
            )
        return found


def mirror(root: Path, copy: Path) -> Path:
    """Make a copy of a bundle whose files are links, so that what its configs write stays out of the bundle.

    Args:
        root: folder of the bundle.
        copy: an empty folder.

    Returns:
        The copy, a folder with the bundle's name, which MONAI Label reads.

    Raises:
        ValueError: for a named pipe, a socket or a device among the files.
    """
    target = copy / root.name
    for folder, _, files in os.walk(root):
        place = target / Path(folder).relative_to(root)
        place.mkdir(parents=True)
        for name in files:
            refuse_special_file(Path(folder) / name)
            (place / name).symlink_to(Path(folder) / name)
    return target
