"""MONAI's loaders of images and checkpoints, with errors that name the file.

Their names differ from MONAI's, because configs name MONAI's classes without their modules, and MONAI looks for such
names in all modules that begin with "monai", also in these.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from ignite.engine import Engine
from monai import handlers, transforms
from monai.utils import ensure_tuple

from monai_nlseg.bundle.checkpoints import restore_error
from monai_nlseg.bundle.errors import LoadError
from monai_nlseg.io.reasons import reason


class BundleCheckpointLoader(handlers.CheckpointLoader):
    """MONAI's ``CheckpointLoader``, whose errors name the file and what to do.

    A checkpoint that was saved on a GPU is read without one; what it is loaded into stays where it is.

    Args:
        args: positional arguments of :class:`monai.handlers.CheckpointLoader`.
        kwargs: its named arguments; ``map_location`` is "cpu" by default.

    Raises:
        CheckpointError: when it is called, for a file that is damaged or does not fit.
        LoadError: when it is called, for a file that cannot be opened.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"map_location": "cpu", **kwargs})

    def __call__(self, engine: Engine) -> None:
        """Load the checkpoint.

        Args:
            engine: the engine that starts.
        """
        try:
            super().__call__(engine)
        except (MemoryError, torch.OutOfMemoryError):
            raise
        except Exception as error:  # a damaged file can raise anything
            raise restore_error(self.load_path, error) from None


class BundleLoadImage(transforms.LoadImage):
    """MONAI's ``LoadImage``, whose errors name the file.

    It takes the arguments of :class:`monai.transforms.LoadImage`.

    Raises:
        LoadError: when it is called, for a file that cannot be read.
    """

    def __call__(self, filename: Any, reader: Any = None) -> Any:
        """Return the image of a file or of several.

        Args:
            filename: path, or paths of several channels.
            reader: the reader to use instead of the transform's.
        """
        try:
            return super().__call__(filename, reader)
        except Exception as error:  # a damaged file can raise anything
            raise LoadError(
                _unreadable([str(Path(name).expanduser()) for name in ensure_tuple(filename)], error)
            ) from None


class BundleLoadImaged(transforms.LoadImaged):
    """MONAI's ``LoadImaged``, whose errors name the file.

    Args:
        args: positional arguments of :class:`monai.transforms.LoadImaged`.
        kwargs: its named arguments.

    Raises:
        LoadError: when it is called, for a file that cannot be read.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._loader.__class__ = BundleLoadImage  # MONAI has made it already, from these arguments


def use_loaders(config: Any) -> None:
    """Put the loaders of this module in the place of MONAI's wherever a config names those, in place.

    Args:
        config: the content of a config, or a part of it.
    """
    if isinstance(config, dict) and (loader := LOADERS.get(str(config.get("_target_")))):
        config["_target_"] = f"{__name__}.{loader.__name__}"
    for part in config.values() if isinstance(config, dict) else config if isinstance(config, list) else ():
        use_loaders(part)


def _names(loader: type, *aliases: str) -> dict[str, type]:
    """Return each name by which a config may call the class that a loader is derived from."""
    own = loader.__bases__[0]
    package = ".".join(own.__module__.split(".")[:2])
    names = (own.__name__, *aliases)
    return {f"{place}{name}": loader for place in ("", f"{package}.", f"{own.__module__}.") for name in names}


LOADERS: dict[str, type] = {
    **_names(BundleCheckpointLoader),
    **_names(BundleLoadImage),
    **_names(BundleLoadImaged, "LoadImageD", "LoadImageDict"),
}
"""Name in a config -> loader to use."""


def _unreadable(files: list[str], error: Exception) -> str:
    """Return what to do about files that cannot be read; readers of this package say it themselves."""
    if isinstance(error, ValueError) and any(file in str(error) for file in files):
        return str(error)
    named = " or ".join(f"'{file}'" for file in files)
    return f"{named} cannot be read ({reason(error)}): restore the file or leave the case out."
