"""Names of the values in a bundle's label maps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from monai.bundle import ConfigParser


@dataclass(frozen=True)
class LabelNames:
    """Names of the values in a bundle's label maps.

    Attributes:
        channels: channel of the scores -> name, by the metadata.
        labels: value in the label map -> name, by the config, if that says more than the metadata. If one of the values
            is not that of a channel, these are all names.
    """

    channels: Mapping[int, str]
    labels: Mapping[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, config: ConfigParser, scores: Mapping[str, Any]) -> LabelNames:
        """Return the names of a bundle.

        A bundle for several kinds of image has the id ``label_names``, as in ``{"1": "$@reading.structure"}``.

        Args:
            config: the config of its inference, with overrides.
            scores: ``network_data_format#outputs#pred`` of its metadata.

        Raises:
            ValueError: if ``label_names`` maps anything but whole numbers to names, or ``channel_def`` is not a
                mapping.
        """
        defined = scores.get("channel_def") or {}
        if not isinstance(defined, Mapping):
            raise ValueError(
                f"channel_def in the metadata is {defined!r}: give a name for each channel, such as 1: nerve."
            )
        channels = {int(key): str(name) for key, name in defined.items() if str(key).isdigit()}
        given = config.get_parsed_content("label_names") if "label_names" in config else {}
        if not isinstance(given, Mapping) or not all(str(key).isdigit() for key in given):
            raise ValueError(f"label_names is {given!r}: give a name for values of the label map, such as 1: nerve.")
        return cls(channels, {int(key): str(name) for key, name in given.items()})

    def of_labels(self, channels: int, exclusive: bool, masks: bool) -> dict[int, str]:
        """Return value -> name for the label map that is made from scores.

        Args:
            channels: number of channels of the scores.
            exclusive: whether each voxel has exactly one of the classes.
            masks: whether each label has a map of its own.
        """
        if channels > 1 and not exclusive and not masks:
            return dict(self.labels)  # only the bundle knows which labels it makes from masks that overlap
        names = self.channels
        first = (
            0 in names and len(names) < channels if exclusive else names.get(0, "background").lower() != "background"
        )
        shift = int(masks or first)  # no channel is the background's, or none has its name
        by_channel = {key + shift: name for key, name in names.items() if key + shift}
        return by_channel | dict(self.labels) if set(self.labels) <= set(by_channel) else dict(self.labels)
