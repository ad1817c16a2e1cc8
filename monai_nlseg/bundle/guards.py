"""Refusals that the configs of bundles call by name, before hours of work are spent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Sized
from pathlib import Path
from typing import Any, TypeVar, cast

from monai.utils import optional_import
from torch.utils.data import DataLoader

from monai_nlseg.bundle import find

Choice = TypeVar("Choice")


def require_batches(loader: DataLoader) -> None:
    """Refuse an epoch without a batch, with which ignite would end a training at once, as if it had succeeded.

    Args:
        loader: the loader of the training.

    Raises:
        ValueError: if ``loader`` has no batch.
    """
    if len(loader) == 0:
        raise ValueError(
            f"{len(cast(Sized, loader.sampler))} windows or images per epoch and process make no batch of "
            f"{loader.batch_size}: raise windows_per_epoch, add images, or lower batch_size."
        )


def require_bundle(bundle_root: str | Path) -> None:
    """Refuse a ``bundle_root`` in which weights would be looked for, or written, without a bundle being there.

    Args:
        bundle_root: the folder.

    Raises:
        ValueError: if it has no ``configs/metadata.json``.
    """
    if not find.is_bundle(bundle_root):
        raise ValueError(
            f"bundle_root '{bundle_root}' is not a bundle (a folder with configs/metadata.json): give --bundle_root "
            "DIR, the folder of the bundle whose weights are to be used."
        )


def require_cases(datalist: Iterable[Any]) -> None:
    """Refuse to run without a case, because MONAI's engines would silently do nothing.

    Args:
        datalist: a data list, which may be :class:`monai_nlseg.data.Deferred`.

    Raises:
        ValueError: if the list is empty; what its reader raised if it could not be read.
    """
    if next(iter(datalist), None) is None:
        raise ValueError("the data list is empty, so that there is nothing to do: give a dataset_dir with cases.")


def require_choice(option: str, name: str, choices: Mapping[str, Choice]) -> Choice:
    """Return the choice of a given name.

    Args:
        option: the id of the config whose value is the name.
        name: the name.
        choices: name -> choice.

    Raises:
        ValueError: for another name.
    """
    if name not in choices:
        raise ValueError(f"{option} {name!r} is unknown: choose {', '.join(choices)}.")
    return choices[name]


def require_outside_package(**places: str | Path) -> None:
    """Refuse to write below the installed package, which the next installation replaces and others may share.

    Args:
        places: option -> file or folder that would be written; the names of those that are folders end in ``_dir``.

    Raises:
        ValueError: for the first that lies inside the folder of ``monai_nlseg``, or if a file stands where a folder
            should.
    """
    for option, place in places.items():
        folders = (Path(place), *Path(place).parents) if option.endswith("_dir") else Path(place).parents
        if files := [folder for folder in folders if folder.exists() and not folder.is_dir()]:
            raise ValueError(f"{option} '{place}' cannot be made: '{files[0]}' is a file, so give another folder.")
        if Path(place).resolve().is_relative_to(find.PACKAGE):
            raise ValueError(
                f"{option} '{place}' lies inside the installed package, where nothing is written: give --{option}, a "
                "place of your own."
            )


def require_packages(extra: str, packages: Sequence[str]) -> None:
    """Refuse to begin without packages that a run would miss only after it has built or done much.

    Args:
        extra: the extra of monai-nlseg that installs them.
        packages: names to import.

    Raises:
        ValueError: for those that cannot be imported.
    """
    missing = [name for name in packages if not optional_import(name)[1]]
    if missing:
        raise ValueError(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed, which this config needs: "
            f"pip install 'monai-nlseg[{extra}]'."
        )


def require_results_apart(dataset: str | Path, output_dir: str | Path, postfix: str) -> None:
    """Refuse results that would have the names and the folder of the images they are made from.

    Args:
        dataset: folder of the images, or one image.
        output_dir: folder of the results.
        postfix: text that is appended to an image's name to name its result.

    Raises:
        ValueError: if ``postfix`` is empty and ``output_dir`` is the folder ``dataset``, or that of the file.
    """
    folder = Path(dataset) if Path(dataset).is_dir() else Path(dataset).parent
    if not postfix and folder.resolve() == Path(output_dir).resolve():
        raise ValueError(
            f"results in '{output_dir}' without an output_postfix would replace the images there: give one, or another "
            "output_dir."
        )


def require_validation_cases(datalist: Iterable[Any]) -> None:
    """Refuse a training without validation, in which MONAI's engines would never write the weights.

    Args:
        datalist: what the training validates on, which may be :class:`monai_nlseg.data.Deferred`.

    Raises:
        ValueError: if the list is empty; what its reader raised if it could not be read.
    """
    if next(iter(datalist), None) is None:
        raise ValueError(
            "no labelled case is held out for validation, which chooses the weights that are kept: label three "
            "cases or more, or hold out a larger share (MONAI Label's val_split)."
        )
