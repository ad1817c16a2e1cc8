"""What `--conf KEY VALUE` sets of an app."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from monai_nlseg.label.served import ServedBundle

__all__ = ["AppOptions"]

OF_MONAI_LABEL = ("server_mode",)


@dataclass(frozen=True)
class AppOptions:
    """Options of an app.

    Attributes:
        models: names of what is served, by comma; empty for all of ``app.json``.
        epochs: of a training that does not ask for another number.
        most_epochs: that a training may ask for.
        val_split: share of the labelled images that a training is validated on; at least one is.
        dropout_samples: passes of the network with dropout for a score.

    Raises:
        ValueError: for shares not between 0 and 1, or numbers below 1 (2 passes).
    """

    models: str = ""
    epochs: int = 20
    most_epochs: int = 200
    val_split: float = 0.2
    dropout_samples: int = 5

    def __post_init__(self) -> None:
        if not 0 < self.val_split < 1:
            raise ValueError(f"val_split is {self.val_split}: give a share between 0 and 1.")
        for name, least in (("epochs", 1), ("most_epochs", 1), ("dropout_samples", 2)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} is {getattr(self, name)}: give {least} or more.")

    @classmethod
    def of(cls, conf: Mapping[str, str]) -> AppOptions:
        """Read what the command line gives.

        Raises:
            ValueError: for an unknown key, or a value that is no number where one is needed.
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
                raise ValueError(f"--conf {key} {value} is no number: give one.") from None
        return cls(**values)

    def chosen(self, served: Mapping[str, ServedBundle]) -> dict[str, ServedBundle]:
        """Those that ``models`` names.

        Raises:
            ValueError: for a name that is not served.
        """
        names = [name.strip() for name in self.models.split(",") if name.strip()] or list(served)
        for name in names:
            if name not in served:
                raise ValueError(f"the model {name!r} is not in app.json: choose {', '.join(served)}.")
        return {name: served[name] for name in names}
