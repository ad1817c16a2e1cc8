"""From the fingerprint of a data set to a plan."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from monai_nlseg.training.fingerprint.fingerprint import Fingerprint
from monai_nlseg.training.planning.consistency import require_consistent
from monai_nlseg.training.planning.draft import Draft
from monai_nlseg.training.planning.followers import explain
from monai_nlseg.training.planning.initial import read_initial
from monai_nlseg.training.planning.overrides import checked_overrides
from monai_nlseg.training.planning.pace import measured_step
from monai_nlseg.training.planning.plan import Plan
from monai_nlseg.training.planning.predicting import predicting_words
from monai_nlseg.training.planning.processor import this_machine
from monai_nlseg.training.planning.rules import Wishes, apply_rules
from monai_nlseg.training.planning.settings import Settings


def plan(
    found: Fingerprint,
    *,
    network: str | None = None,
    hours: float | None = None,
    iterations: int | None = None,
    folds: int = 1,
    init: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    seconds_per_step: Callable[[Settings, Fingerprint], float] | None = None,
) -> Plan:
    """Choose the settings of a training, each with its reason.

    Args:
        found: the fingerprint of the data set.
        network: short name such as "laednet-s", or dotted path of a class; None lets the data choose.
        hours: time that the whole training may take, all folds together.
        iterations: training steps of each fold; without ``hours`` and ``iterations`` 2500.
        folds: number of folds of a cross-validation; 1 trains once.
        init: folder or name of a bundle whose weights the training starts from.
        overrides: dotted name of a setting, such as "sampling.window" -> the value that it must have. The settings that
            depend on it follow.
        seconds_per_step: measures the time of a training step on this machine; the default runs a few on noise. It is
            called only if ``hours`` are given.

    Raises:
        ValueError: for an unknown network or setting, values that are not allowed or do not fit each other, time that
            does not suffice, or data that cannot be trained on.

    Examples::

        from monai_nlseg.training import inspect, plan

        chosen = plan(inspect("DATA"), hours=1, overrides={"sampling.batch_size": 4})
        print(chosen)
    """
    given = checked_overrides(overrides or {})
    wishes = Wishes(network, hours, iterations, folds, None if init is None else read_initial(init))
    wishes.require_possible()
    machine = this_machine()
    measure = functools.cache(lambda: (seconds_per_step or measured_step)(draft.settings(), found))
    draft = Draft(given)
    settings = apply_rules(draft, found, wishes, machine, measure)
    require_consistent(settings, found)
    if given:
        # As it would be without what was given, for the reasons; nothing is measured again.
        explain(draft, lambda free: apply_rules(free, found, wishes, machine, measure))
    draft.reasons["inference.step"] += f" {predicting_words(settings, found)}"
    return Plan(found, settings, draft.reasons)
