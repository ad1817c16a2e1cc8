"""The bundle under examination."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser

from monai_nlseg.bundle import config_file

__all__ = ["Subject", "mirror"]

README = Path("docs", "README.md")


class Subject:
    """A bundle, of which each part is read when a check first asks for it.

    Args:
        root: the bundle's folder.

    Raises:
        ValueError: by each property, if the file that it reads is missing or damaged.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        weights = root / "models" / "model.pt"
        self.weights = weights if weights.is_file() else None
        """The file models/model.pt, or None."""

    @property
    def metadata_file(self) -> Path:
        """The file of the metadata."""
        return self.root / "configs" / "metadata.json"

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """The metadata."""
        try:
            content = json.loads(self.metadata_file.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"configs/metadata.json is not JSON ({error})") from None
        if not isinstance(content, dict):
            raise ValueError("configs/metadata.json is not a mapping of keys to values")
        return content

    @cached_property
    def readme(self) -> str:
        """The text of docs/README.md; empty if there is none."""
        path = self.root / README
        return path.read_text(encoding="utf-8") if path.is_file() else ""

    def config(self, name: str) -> Path | None:
        """Return the file of a config, or None."""
        try:
            return config_file(self.root, name)
        except ValueError:
            return None

    def require_config(self, name: str) -> Path:
        """Return the file of a config that can be parsed.

        Raises:
            ValueError: for one that is not there or cannot be parsed.
        """
        if (path := self.config(name)) is None:
            raise ValueError(f"there is no configs/{name}.json or .yaml")
        try:
            content = ConfigParser.load_config_file(str(path))
        except Exception as error:
            raise ValueError(f"configs/{path.name} cannot be parsed ({str(error).splitlines()[0]})") from None
        if not isinstance(content, dict):
            raise ValueError(f"configs/{path.name} is not a mapping of keys to values")
        return path

    def parser(self, *names: str) -> ConfigParser:
        """Return a new parser of configs, the later ones overlaid on the earlier.

        Raises:
            ValueError: as :meth:`require_config`.
            KeyError: for an override that goes into an id which no config before it defines.
        """
        paths = [self.require_config(name) for name in names]
        parser = ConfigParser()
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Can't merge entry")  # of an overlay that is parsed alone
            parser.read_config([str(path) for path in paths])
        parser["_meta_"] = self.metadata
        parser["bundle_root"] = str(self.root)
        return parser

    @cached_property
    def network(self) -> torch.nn.Module:
        """The inference config's network as it is made, on the CPU, in evaluation mode."""
        parser = self.parser("inference")
        if "network_def" not in parser:
            raise ValueError("inference has no network_def")
        network = parser.get_parsed_content("network_def")
        if not isinstance(network, torch.nn.Module):
            raise ValueError(f"network_def is a {type(network).__name__}, not a torch.nn.Module")
        return network.eval()

    def add_weights(self) -> None:
        """Give a bundle without weights those that its network is made with, so that its configs can be built."""
        path = self.root / "models" / "model.pt"
        if not path.is_file():
            path.parent.mkdir(exist_ok=True)
            torch.save(self.network.state_dict(), path)

    def data_format(self, kind: str, name: str) -> Mapping[str, Any]:
        """Return a tensor's format by the metadata, such as that of ("inputs", "image").

        Raises:
            ValueError: if the metadata lack it, or what a size of it is made of.
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
        root: the bundle.
        copy: an empty folder.

    Returns:
        The copy, a folder of the bundle's name, which MONAI Label reads.
    """
    target = copy / root.name
    for folder, _, files in os.walk(root):
        place = target / Path(folder).relative_to(root)
        place.mkdir(parents=True)
        for name in files:
            (place / name).symlink_to(Path(folder) / name)
    return target
