"""The arguments of a network that is known by its dotted path only."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from monai_nlseg.training.fingerprint.fingerprint import Fingerprint
from monai_nlseg.training.planning.choice import Choice
from monai_nlseg.training.planning.measures import output_channels
from monai_nlseg.training.planning.network import described
from monai_nlseg.training.planning.verify import class_of

DIMS = ("spatial_dims", "dimensions", "ndim")
INPUTS = ("in_channels", "n_channels", "input_channels", "num_channels", "in_chans")
OUTPUTS = ("out_channels", "num_classes", "n_classes", "classes", "out_chans")
SIZES = ("img_size", "image_size", "input_size")


def inspected_arguments(
    found: Fingerprint, path: str, window: Sequence[int], given: Mapping[str, Any]
) -> Choice[dict[str, Any]]:
    """Fill the arguments of a network by the names in its signature.

    Args:
        found: the fingerprint.
        path: dotted path of the class.
        window: sides of a window, for networks that demand it.
        given: arguments that the user has given.

    Raises:
        ValueError: if the path cannot be imported, the class has no argument for the channels in or out, or demands
            others.
    """
    parameters = inspect.signature(class_of(path)).parameters
    any_name = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters.values())
    if unknown := [name for name in given if name not in parameters and not any_name]:
        raise ValueError(f"{path} has no argument {unknown[0]!r}: it takes {', '.join(parameters)}.")
    filled: dict[str, Any] = {}
    for names, value, needed in (
        (DIMS, found.spatial_dims, False),
        (INPUTS, len(found.channels), True),
        (OUTPUTS, output_channels(found), True),
    ):
        name = next((name for name in names if name in parameters), names[0] if any_name and needed else None)
        if name is not None:
            filled[name] = value
        elif needed and not set(names) & set(given):
            raise ValueError(
                f"{path} has no argument {names[0]}, only {', '.join(parameters) or 'none'}: give a class that does."
            )
    size = next((name for name in SIZES if name in parameters and _is_demanded(parameters[name])), None)
    if size is not None:
        filled[size] = list(window)
    filled.update(given)
    missing = [
        name
        for name, each in parameters.items()
        if _is_demanded(each) and name not in filled and not _is_variable(each)
    ]
    if missing:
        raise ValueError(
            f"{path} also needs {', '.join(missing)}: give {'each' if len(missing) > 1 else 'it'} with "
            f"--set network.arguments.{missing[0]}=VALUE."
        )
    return Choice(
        filled, f"{described(found)} Filled by the names in the signature of {path}; others are its defaults."
    )


def _is_demanded(parameter: inspect.Parameter) -> bool:
    return parameter.default is inspect.Parameter.empty


def _is_variable(parameter: inspect.Parameter) -> bool:
    return parameter.kind in (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
