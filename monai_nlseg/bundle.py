"""Where bundles are and what they keep."""

from __future__ import annotations

import difflib
import json
import os
import re
import traceback
from collections.abc import Mapping, Sequence, Sized
from pathlib import Path
from typing import Any, TypeVar, cast

from monai.bundle import ConfigParser, create_workflow
from monai.handlers import CheckpointLoader
from monai.transforms import LoadImage
from monai.utils import ensure_tuple
from torch.utils.data import DataLoader

from monai_nlseg.errors import message, root_cause, sentence
from monai_nlseg.quiet import exceptions_unlogged, notices_silenced

__all__ = [
    "begin_training",
    "bundle_root",
    "config_file",
    "epoch_of",
    "explained",
    "find_bundle",
    "latest_checkpoint",
    "require_batches",
    "require_choice",
    "require_known_ids",
    "require_no_checkpoint",
    "require_results_apart",
    "require_validation_cases",
    "run_bundle",
    "shipped_bundles",
    "shipped_names",
]

Choice = TypeVar("Choice")


def begin_training(folder: str | Path, cases: Sequence[Mapping[str, Any]]) -> None:
    """Keep a training that is not resumed apart from an earlier one whose checkpoints are in its folder.

    With the data of the config it refuses, for ``resume`` may just have been forgotten. A data list put in their place
    is told by entries without a "case": so trains a server such as MONAI Label, anew at each request. Then the earlier
    checkpoints are moved to ``earlier_1`` in the folder, or the next number that is free.

    Args:
        folder: where the training will write its checkpoints.
        cases: the entries that it trains on.

    Raises:
        ValueError: see :func:`require_no_checkpoint`.
    """
    if any("case" in case for case in cases):
        require_no_checkpoint(folder)
        return
    checkpoints = _checkpoints(folder)
    if not checkpoints or int(os.environ.get("RANK", "0")) > 0:  # one process of several moves them
        return
    count = 1
    while (earlier := Path(folder) / f"earlier_{count}").exists():
        count += 1
    earlier.mkdir()
    for checkpoint in checkpoints:
        checkpoint.rename(earlier / checkpoint.name)


def shipped_bundles() -> Path:
    """The folder of the bundles that come with the package: inside an installed wheel, or beside the package in a
    clone."""
    package = Path(__file__).resolve().parent
    installed = package / "_bundles"
    return installed if installed.is_dir() else package.parent / "bundles"


def shipped_names() -> list[str]:
    """The names of the bundles that come with the package."""
    return sorted(path.parent.parent.name for path in shipped_bundles().glob("*/configs/metadata.json"))


def find_bundle(bundle: str | Path) -> Path:
    """Folder of a bundle given by path or by the name of one that ships with the package.

    Raises:
        ValueError: if there is no such folder or it lacks ``configs/metadata.json``.
    """
    for folder in (Path(bundle), shipped_bundles() / bundle):
        if (folder / "configs" / "metadata.json").is_file():
            return folder.resolve()
    raise ValueError(
        f"'{bundle}' is not a bundle (a folder with configs/metadata.json): give the path of one or a name of "
        f"{shipped_names()}."
    )


def bundle_root(name: str) -> str:
    """Default ``bundle_root`` of a shipped bundle's configs.

    As is MONAI's habit, the current folder if it is the bundle; else the shipped bundle, so that a command works from
    anywhere.
    """
    metadata = Path("configs") / "metadata.json"
    if metadata.is_file() and json.loads(metadata.read_text()).get("name") == name:
        return "."
    return str(find_bundle(name))


def config_file(root: Path, name: str) -> Path:
    """The file of a bundle's config: ``inference`` -> ``configs/inference.json``, ``.yaml`` or ``.yml``.

    Raises:
        ValueError: if it has none of this name.
    """
    for suffix in (".json", ".yaml", ".yml"):
        if (path := root / "configs" / f"{name}{suffix}").is_file():
            return path
    names = sorted(path.stem for path in (root / "configs").glob("*.[jy]*") if path.stem != "metadata")
    raise ValueError(f"the bundle {root.name} has no config '{name}': choose of {names}.")


def epoch_of(checkpoint: str | Path) -> int:
    """N of a file ``checkpoint_epoch=N.pt``; 0 for another name or none.

    Added to the seed of a training that is resumed, it keeps the first epochs' random numbers from coming again.
    """
    match = re.fullmatch(r"checkpoint_epoch=(\d+)", Path(checkpoint).stem)
    return int(match[1]) if match else 0


def explained(error: BaseException) -> ValueError | None:
    """What a user can do about an error of a workflow: a checkpoint, an image or a file at fault; None for others."""
    cause = root_cause(error)
    return _checkpoint_error(cause) or _image_error(error) or _file_error(cause)


def latest_checkpoint(folder: str | Path) -> str:
    """The ``checkpoint_epoch=N.pt`` of the largest N in ``folder``.

    Raises:
        ValueError: if there is none.
    """
    checkpoints = _checkpoints(folder)
    if not checkpoints:
        raise ValueError(f"'{folder}' holds no checkpoint_epoch=N.pt to resume from: train without resume first.")
    return str(checkpoints[-1])


def require_batches(loader: DataLoader) -> None:
    """Refuse an epoch without a batch, of which ignite makes a training that ends at once and well.

    Raises:
        ValueError: if ``loader`` has no batch.
    """
    if len(loader) == 0:
        raise ValueError(
            f"{len(cast(Sized, loader.sampler))} windows or images an epoch and process make no batch of "
            f"{loader.batch_size}: raise windows_per_epoch, add images, or lower batch_size."
        )


def require_choice(option: str, name: str, choices: Mapping[str, Choice]) -> Choice:
    """What ``choices`` has under ``name``, the value of a config's ``option``.

    Raises:
        ValueError: for another name.
    """
    if name not in choices:
        raise ValueError(f"{option} {name!r} is unknown: choose {', '.join(choices)}.")
    return choices[name]


def require_known_ids(files: Sequence[str], overrides: Mapping[str, Any]) -> None:
    """Refuse overrides of ids that config files, overlaid in their order, do not define.

    A component (what has a ``_target_``) may be given arguments that the configs leave out; it refuses those it does
    not take by itself.

    Raises:
        ValueError: for the first such id; the message names near ones.
    """
    parser = ConfigParser()
    parser.read_config(files)
    for name, value in overrides.items():
        _refuse_unknown(name, parser.get(), [Path(file).stem for file in files])
        parser[name] = value  # a later override may go into this one


def require_no_checkpoint(folder: str | Path) -> None:
    """Refuse a folder in which a new training would mix with an earlier one, and a later resume take the wrong one.

    Raises:
        ValueError: if ``folder`` holds a ``checkpoint_epoch=N.pt``.
    """
    checkpoints = _checkpoints(folder)
    if checkpoints:
        raise ValueError(
            f"'{checkpoints[-1]}' is of an earlier training: go on with it by --resume True, or give another ckpt_dir."
        )


def require_results_apart(dataset: str | Path, output_dir: str | Path, postfix: str) -> None:
    """Refuse results that would have the names and the folder of the images they are made from.

    Raises:
        ValueError: if ``postfix`` is empty and ``output_dir`` is the folder ``dataset``, or that of the file.
    """
    folder = Path(dataset) if Path(dataset).is_dir() else Path(dataset).parent
    if not postfix and folder.resolve() == Path(output_dir).resolve():
        raise ValueError(
            f"results in '{output_dir}' without an output_postfix would replace the images there: give one, or another "
            "output_dir."
        )


def require_validation_cases(dataset: Sized) -> None:
    """Refuse a training without validation, of which MONAI's engines make one that never writes its weights.

    Raises:
        ValueError: if ``dataset`` is empty.
    """
    if len(dataset) == 0:
        raise ValueError(
            "no labelled case is held out for validation, which chooses the weights that are kept: label three "
            "cases or more, or hold out a larger share (MONAI Label's val_split)."
        )


def run_bundle(
    bundle: str | Path, configs: Sequence[str], overrides: Mapping[str, Any] | None = None, logs: bool = True
) -> None:
    """Run configs of a bundle as ``python -m monai.bundle run`` does, but find its files and refuse unknown ids.

    Args:
        bundle: path of a bundle or the name of a shipped one.
        configs: names of configs, the later ones overlaid on the earlier: ``["train", "evaluate"]``.
        overrides: config id -> value, as in ``{"dataset_dir": "scans", "train#trainer#max_epochs": 2}``.
        logs: whether the bundle's ``logging.conf`` is applied and what the workflow is given is printed.

    Raises:
        ValueError: for a folder that is not a bundle, a config it does not have, an override of an unknown id (see
            :func:`require_known_ids`), a checkpoint that cannot be read or does not fit what it is loaded into, an
            image that cannot be read, or a file that cannot be opened or written.
        Exception: what the bundle itself raises, wrapped by MONAI; see :func:`monai_nlseg.errors.root_cause`.
    """
    root = find_bundle(bundle)
    files = [str(config_file(root, name)) for name in configs]
    require_known_ids(files, overrides or {})
    shipped = root.parent == shipped_bundles()
    try:
        with notices_silenced(trusted=shipped, summaries=logs):
            workflow = create_workflow(
                config_file=files,
                meta_file=str(root / "configs" / "metadata.json"),
                logging_file=None if logs else False,
                **{"bundle_root": str(root), **(overrides or {})},
            )
            with exceptions_unlogged():  # of the handlers that logging.conf has made
                workflow.run()
                workflow.finalize()
    except Exception as error:
        if told := explained(error):
            raise told from None
        raise


def _checkpoints(folder: str | Path) -> list[Path]:
    """The files ``checkpoint_epoch=N.pt`` by N."""
    epochs = {epoch: path for path in Path(folder).glob("checkpoint_epoch=*.pt") if (epoch := epoch_of(path))}
    return [epochs[epoch] for epoch in sorted(epochs)]


def _refuse_unknown(name: str, config: Any, configs: Sequence[str]) -> None:
    """Follow the parts of an id through nested mappings and lists, as MONAI does."""
    parts = re.split("#|::", name)
    for depth, part in enumerate(parts):
        known = list(config) if isinstance(config, dict) else []
        if isinstance(config, list):
            known = [str(index) for index in range(len(config))]
        if part not in known:
            if "_target_" in known and depth == len(parts) - 1:
                return
            parent = "#".join(parts[:depth])
            near = [f"{parent}#{key}".lstrip("#") for key in difflib.get_close_matches(part, known, n=3) or known]
            raise ValueError(f"'{name}' is not an id of {list(configs)}: did you mean one of {near or [parent]}?")
        config = config[int(part)] if isinstance(config, list) else config[part]


def _checkpoint_error(cause: BaseException) -> ValueError | None:
    """What is wrong with the file that a ``CheckpointLoader`` could not restore; None if the error is another one.

    The message of PyTorch names neither the file nor, for a file that is no checkpoint, the fault.
    """
    frame = _variables(cause, CheckpointLoader)
    if frame is None:
        return None
    path = frame["self"].load_path
    if isinstance(cause, OSError) and cause.filename:
        return ValueError(f"the checkpoint '{path}' cannot be opened ({cause.strerror}): give the path of a .pt file.")
    if "checkpoint" not in frame:  # torch.load did not return
        return ValueError(f"'{path}' is not a checkpoint of weights, or is damaged: give a .pt file of a training.")
    text = str(cause)
    if not text.startswith("Error(s) in loading state_dict"):
        reason = sentence(cause).split(". ")[0].rstrip(".")
        return ValueError(f"'{path}' cannot be restored ({reason}): give a checkpoint that fits, or more epochs.")
    lines = text.splitlines()
    network = lines[0].split()[-1].rstrip(":")
    return ValueError(
        f"the weights in '{path}' do not fit {network} ({_first_mismatch(lines[1])}): give the network_def that they "
        "were trained with, or other weights."
    )


def _image_error(error: BaseException) -> ValueError | None:
    """Which image ``LoadImage`` could not read, for the message of a damaged file does not name it."""
    frame = _variables(error, LoadImage)
    if frame is None:  # what libraries chain below their own error says less
        return None if error.__cause__ is None else _image_error(error.__cause__)
    files = " or ".join(f"'{file}'" for file in ensure_tuple(frame["filename"]))
    return ValueError(f"{files} cannot be read ({message(error)}): restore the file or leave the case out.")


def _file_error(cause: BaseException) -> ValueError | None:
    """Which file the system refuses and why, also where ``SaveImage`` asks for other writers instead."""
    advice = "give another path, or make room for it there"
    if isinstance(cause, OSError) and cause.filename:
        return ValueError(f"'{cause.filename}' cannot be read or written ({cause.strerror}): {advice}.")
    lines = str(cause).strip().splitlines()
    if lines and (match := re.search(r"cannot find a suitable writer for (.*)\.$", lines[0])):
        return ValueError(f"'{match[1]}' cannot be written ({lines[-1]}): {advice}.")
    return None


def _variables(error: BaseException, kind: type) -> dict[str, Any] | None:
    """The local variables of the outermost method of a ``kind`` that the error passed through."""
    frames = (frame.f_locals for frame, _ in traceback.walk_tb(error.__traceback__))
    return next((names for names in frames if isinstance(names.get("self"), kind)), None)


def _first_mismatch(line: str) -> str:
    """``'Missing key(s) in state_dict: "a", "b". '`` -> ``'missing key "a"'``; of other lines, the line."""
    if match := re.match(r'\s*(Missing|Unexpected) key\(s\) in state_dict: ("[^"]*")', line):
        return f"{match[1].lower()} key {match[2]}"
    return re.sub(r"torch\.Size\((.*?)\)", r"\1", line.strip().rstrip("."))
