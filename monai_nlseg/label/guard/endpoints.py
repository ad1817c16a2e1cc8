"""Checks of the arguments that MONAI Label has read from a request, before it acts on them."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from enum import Enum
from functools import wraps
from types import ModuleType
from typing import Any

import requests
from fastapi import HTTPException
from monailabel.endpoints import (
    activelearning,
    batch_infer,
    datastore,
    infer,
    info,
    logs,
    model,
    ohif,
    proxy,
    scoring,
    session,
    train,
)
from monailabel.interfaces.utils.app import app_instance

from monai_nlseg.label.explain import explained
from monai_nlseg.label.guard.names import safe_name
from monai_nlseg.label.guard.rules import RULES
from monai_nlseg.label.guard.values import checked_object, parsed_object
from monai_nlseg.label.weights import replace_weights

MODULES = (activelearning, batch_infer, datastore, infer, info, logs, model, ohif, proxy, scoring, session, train)
LARGEST = 2**31
TEXTS = ("params", "info")
"""Arguments that are JSON: a text in a form, or a value that FastAPI has parsed."""
FREE = ("path", "check_sum", "user", "op", "logger_file")
"""Texts that are not names: the user comes from a token, the others :mod:`monai_nlseg.label.guard.rules` checks."""


def _update_model(background_tasks: Any, model: str, file: Any) -> dict[str, Any]:
    return replace_weights(app_instance().served[model], file.file)


REPLACED: dict[str, Callable[..., Any]] = {"model.update_model": _update_model}
"""module.function -> replacement; MONAI Label's own would copy any file over the weights."""


def guard_endpoints() -> None:
    """Make each function behind an endpoint of MONAI Label check its request first; a second call changes nothing.

    Each text that a client gives must be a name unless it is known to be something else, each number is bounded, and
    the rules for a single function are in :data:`monai_nlseg.label.guard.rules.RULES`.
    """
    for module in MODULES:
        for name, function in list(vars(module).items()):
            own = inspect.isfunction(function) and function.__module__ == module.__name__
            if own and not name.startswith("api_") and not hasattr(function, "__wrapped__"):
                setattr(module, name, _guarded(module, function))


def _guarded(module: ModuleType, function: Callable[..., Any]) -> Callable[..., Any]:
    signature = inspect.signature(function)
    name = f"{module.__name__.rpartition('.')[2]}.{function.__name__}"
    rule, function = RULES.get(name), REPLACED.get(name, function)

    def check(*args: Any, **kwargs: Any) -> inspect.BoundArguments:
        bound = signature.bind(*args, **kwargs)
        for name, value in bound.arguments.items():
            bound.arguments[name] = _checked(name, value)
        if rule:
            rule(bound.arguments)
        return bound

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        bound = explained(check, *args, **kwargs)
        try:
            return explained(function, *bound.args, **bound.kwargs)
        except BaseException:
            # FastAPI runs these tasks only if the answer is not an error; otherwise the files that were sent would
            # stay.
            for task in getattr(bound.arguments.get("background_tasks"), "tasks", ()):
                task.func(*task.args, **task.kwargs)
            raise

    @wraps(function)
    async def call_later(*args: Any, **kwargs: Any) -> Any:
        bound = explained(check, *args, **kwargs)
        try:
            return await function(*bound.args, **bound.kwargs)
        except requests.RequestException as error:
            raise HTTPException(502, "the DICOMweb server does not answer: see whether it runs.") from error

    return call_later if inspect.iscoroutinefunction(function) else call


def _checked(name: str, value: Any) -> Any:
    if name in TEXTS and isinstance(value, str):
        return json.dumps(parsed_object(name, value))  # in one line, because MONAI Label logs it
    if name in TEXTS and value is not None:
        return checked_object(name, value)
    if isinstance(value, str) and not isinstance(value, Enum) and value and name not in FREE:
        return safe_name(name, value)
    if isinstance(value, int) and abs(value) > LARGEST:
        raise ValueError(f"{name} is too large: give a number below 2^31.")
    return value
