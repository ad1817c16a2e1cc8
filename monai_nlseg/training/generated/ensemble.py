"""The weights of several folds in one bundle."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from monai_nlseg.bundle import Bundle, require_checkpoint
from monai_nlseg.bundle.configs import read_mapping
from monai_nlseg.io.files import written_beside
from monai_nlseg.training.generated.choices import write_json

MEMBER = "member_def"
"""Id of the network of one fold."""


def read_weights(path: str | Path) -> dict[str, torch.Tensor]:
    """Return the state dict in a file, alone or under "model" in a checkpoint; nothing of the file is executed.

    Args:
        path: the file.

    Raises:
        ValueError: if it cannot be read, or holds anything else.
    """
    require_checkpoint(path)
    content = torch.load(path, map_location="cpu", weights_only=True)
    state = content.get("model", content)
    if not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise ValueError(f"'{path}' holds more than the weights of a network: give a model.pt.")
    return dict(state)


def join_weights(files: Sequence[str | Path]) -> dict[str, torch.Tensor]:
    """Return the state dict of a :class:`~monai_nlseg.networks.nets.FoldEnsemble` of trained networks.

    Args:
        files: files of the weights of its members, in their order. Of a single one the weights are returned as they
            are.

    Raises:
        ValueError: for no file, one that cannot be read, and members of different networks.
    """
    states = [read_weights(file) for file in files]
    if not states:
        raise ValueError("there are no weights to join: train a fold first.")
    shapes = [{name: tensor.shape for name, tensor in state.items()} for state in states]
    for file, each in zip(files, shapes):
        if each != shapes[0]:
            raise ValueError(f"'{file}' holds weights of another network than '{files[0]}': give folds of one plan.")
    if len(states) == 1:
        return states[0]
    return {f"members.{index}.{name}": state[name] for index, state in enumerate(states) for name in state}


def store_weights(bundle_root: str | Path, files: Sequence[str | Path]) -> Path:
    """Write the weights of one or several folds into a bundle, and make its configs build the network that has them.

    With several, the id ``folds`` chooses those that take part. A training of the bundle then trains them together; see
    :func:`fold_network` for that of a further fold.

    Args:
        bundle_root: folder of a bundle that :func:`~monai_nlseg.training.generated.write_bundle` has written.
        files: as :func:`join_weights`.

    Returns:
        The file of the weights.

    Raises:
        ValueError: as :func:`join_weights`, or if the bundle cannot be read.
    """
    bundle = Bundle(bundle_root)
    state = join_weights(files)
    configs = {name: bundle.root / "configs" / f"{name}.json" for name in ("train", "inference")}
    contents = {name: _with_folds(read_mapping(file), len(files)) for name, file in configs.items()}
    with written_beside(bundle.weights) as beside, beside.open("wb") as opened:
        torch.save(state, opened)
    for name, file in configs.items():
        write_json(file, contents[name])
    return bundle.weights


def fold_network(bundle_root: str | Path) -> dict[str, Any]:
    """Return the ``network_def`` of a single fold, to train one beside those whose weights have been stored.

    Args:
        bundle_root: folder of the bundle.

    Raises:
        ValueError: if its train config cannot be read.
    """
    config = read_mapping(Bundle(bundle_root).root / "configs" / "train.json")
    return dict(config.get(MEMBER, config["network_def"]))


def _with_folds(config: dict[str, Any], count: int) -> dict[str, Any]:
    """Return a config whose network has as many members, or is the plain one."""
    plain = config.get(MEMBER, config["network_def"])
    network = {"network_def": plain}
    if count > 1:
        ensemble = {
            "_target_": "monai_nlseg.networks.nets.FoldEnsemble",
            "members": f"$[copy.deepcopy(@{MEMBER}) for _ in range({count})]",
            "activation": "sigmoid" if "threshold" in config else "softmax",
            "folds": "@folds",
        }
        network = {"folds": list(range(count)), MEMBER: plain, "network_def": ensemble}
    found: dict[str, Any] = {}
    for key, value in config.items():
        if key == "network_def":
            found |= network
        elif key not in ("folds", MEMBER):
            found[key] = value
    return found
