"""Options of an app, which `--conf KEY VALUE` sets."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

from monai_nlseg.label.addresses import host_list, origin_list
from monai_nlseg.label.served import ServedBundle

OF_MONAI_LABEL = ("server_mode",)


@dataclass(frozen=True)
class AppOptions:
    """Options of an app.

    Attributes:
        models: names of the models to serve, separated by commas; empty for all of ``app.json``.
        epochs: number of epochs of a training that does not ask for another.
        most_epochs: largest number of epochs that a training may ask for.
        val_split: share of the labelled images that a training is validated on, between 0 and 1; at least one is.
        dropout_samples: passes of the network with dropout for a score.
        origins: origins of web pages that may use the server besides its own, separated by commas, such as
            ``https://viewer.example``.
        hosts: names of the server besides its addresses, ``localhost`` and the machine's own, separated by commas.
        most_upload_gib: largest size of a file that is sent, and of an archive when it is unpacked, in GiB.

    Raises:
        ValueError: for a share that is not between 0 and 1, a number below 1 (passes: 2), or an invalid origin or host.
    """

    models: str = ""
    epochs: int = 20
    most_epochs: int = 200
    val_split: float = 0.2
    dropout_samples: int = 5
    origins: str = ""
    hosts: str = ""
    most_upload_gib: float = 4.0

    def __post_init__(self) -> None:
        if not 0 < self.val_split < 1:
            raise ValueError(f"val_split is {self.val_split}: give a share between 0 and 1.")
        for name, least in (("epochs", 1), ("most_epochs", 1), ("dropout_samples", 2)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}: give {least} or more.")
        if not 0 < self.most_upload_gib < math.inf:
            raise ValueError(f"most_upload_gib is {self.most_upload_gib}: give a number above 0.")
        origin_list([self.origins]), host_list(self.hosts)

    @property
    def most_upload_bytes(self) -> int:
        """Return ``most_upload_gib`` in bytes."""
        return int(self.most_upload_gib * 2**30)

    @classmethod
    def of(cls, conf: Mapping[str, str]) -> AppOptions:
        """Read options from texts.

        Args:
            conf: name -> value as a text, as ``--conf`` and ``app.json`` give them.

        Raises:
            ValueError: for an unknown key, or a value that is not a number where one is needed.
        """
        kinds = {field.name: type(getattr(cls, field.name)) for field in fields(cls)}
        values = {}
        for key, value in conf.items():
            if key in OF_MONAI_LABEL:
                continue
            if key not in kinds:
                raise ValueError(f"--conf {key} is unknown: choose {', '.join(kinds)}.")
            try:
                values[key] = kinds[key](value)
            except ValueError:
                raise ValueError(f"--conf {key} {value} is not a number: give one.") from None
        return cls(**values)

    def chosen(self, served: Mapping[str, ServedBundle]) -> dict[str, ServedBundle]:
        """Return the bundles that ``models`` names.

        Args:
            served: name -> bundle, all of ``app.json``.

        Raises:
            ValueError: for a name that is not served.
        """
        names = [name.strip() for name in self.models.split(",") if name.strip()] or list(served)
        for name in names:
            if name not in served:
                raise ValueError(f"the model {name!r} is not in app.json: choose {', '.join(served)}.")
        return {name: served[name] for name in names}
