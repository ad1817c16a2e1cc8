"""How long and how fast the network learns."""

from __future__ import annotations

from dataclasses import dataclass

from monai_nlseg.training.fingerprint.fingerprint import Fingerprint
from monai_nlseg.training.planning.choice import Choice
from monai_nlseg.training.planning.measures import class_shares
from monai_nlseg.training.planning.words import counted, duration

UNHURRIED = 2500
"""Iterations if neither hours nor iterations are given: about those of the bundles that learn for an hour or two."""
MOST_VALIDATIONS, VALIDATION_TIME = 10, 0.15
BETWEEN_CHECKPOINTS = 300.0
START = 30.0
"""Seconds in which a training starts and reads its images; less where they are few."""
UNBALANCED = 30.0
STRONGEST = 3.0


@dataclass(frozen=True)
class Pace:
    """How fast this machine is.

    Attributes:
        step: seconds of a training step.
        validation: seconds of predicting the validation cases once.
        test: seconds of predicting the test cases at the end, its share for each training.
    """

    step: float
    validation: float
    test: float = 0.0


@dataclass(frozen=True)
class Length:
    """The length of a training and of its parts.

    Attributes:
        iterations: steps in all.
        epoch: steps of an epoch.
        validation_interval: epochs from one validation to the next.
    """

    iterations: int
    epoch: int
    validation_interval: int


def choose_length(seconds: float | None, iterations: int | None, pace: Pace | None) -> Choice[Length]:
    """Choose iterations, epochs and validations.

    Args:
        seconds: time of one training with its validations; None for no limit.
        iterations: steps that were asked for; None leaves them to the time.
        pace: how fast this machine is, None if it was not measured.

    Raises:
        ValueError: if the time does not suffice for ten steps.
    """
    if iterations is None and seconds is not None:
        assert pace is not None
        return _by_time(seconds, pace)
    steps = UNHURRIED if iterations is None else iterations
    why = "Asked for" if iterations is not None else "Neither hours nor iterations were given: a training of some hours"
    validations = min(MOST_VALIDATIONS, steps)
    if pace is not None:
        affordable = VALIDATION_TIME * steps * pace.step / pace.validation
        validations = max(1, min(validations, int(affordable)))
        needed = steps * pace.step + (validations + 2) * pace.validation + START
        why += f"; about {duration(needed)} here, at {duration(pace.step)} a step"
    return Choice(_length(steps, validations, pace, exact=True), f"{why}.")


def _by_time(seconds: float, pace: Pace) -> Choice[Length]:
    validations = max(1, min(MOST_VALIDATIONS, int(VALIDATION_TIME * seconds / pace.validation)))
    # Two more predict the validation cases at the end, to choose the post-processing and to be measured.
    learning = seconds - min(START, 0.1 * seconds) - (validations + 2) * pace.validation - pace.test
    steps = int(learning / pace.step)
    if steps < 10:
        least = (10 * pace.step + 3 * pace.validation + pace.test) / 0.9
        raise ValueError(
            f"{duration(seconds)} for a training suffice for {counted(max(steps, 0), 'step')} of "
            f"{duration(pace.step)}, beside {duration(pace.validation)} for each validation, and 10 are the least: "
            f"allow {duration(least)}, give fewer folds, or choose a smaller network or window."
        )
    return Choice(
        _length(steps, validations, pace, exact=False),
        f"{duration(seconds)} for a training, at {duration(pace.step)} a step on this machine, of which about "
        f"{duration((validations + 2) * pace.validation)} predict validation cases"
        f"{f' and {duration(pace.test)} test cases' if pace.test else ''}.",
    )


def epoch_reason(length: Length) -> str:
    """Return the reason of the length of an epoch.

    Args:
        length: the length of the training and of its parts.
    """
    return f"{counted(epochs(length), 'epoch')}, after each of which the training can be resumed."


def validation_reason(length: Length) -> str:
    """Return the reason of the epochs from one validation to the next.

    Args:
        length: the length of the training and of its parts.
    """
    times = -(-epochs(length) // length.validation_interval)
    return f"Validated {counted(times, 'time')}, at most {MOST_VALIDATIONS} and {VALIDATION_TIME:.0%} of the time."


def epochs(length: Length) -> int:
    """Return the number of epochs of a training; the last is a whole one.

    Args:
        length: the length of the training and of its parts.
    """
    return -(-length.iterations // length.epoch)


def _length(steps: int, validations: int, pace: Pace | None, exact: bool) -> Length:
    between = max(1, steps // validations)
    interval = 1 if pace is None else round(between * pace.step / BETWEEN_CHECKPOINTS)
    interval = max(1, min(interval, between))
    epoch = max(1, between // interval)
    return Length(steps if exact else epoch * interval * validations, epoch, interval)


def choose_loss(found: Fingerprint, whole: bool) -> Choice[str]:
    """Choose the loss.

    Args:
        found: the fingerprint.
        whole: whether pictures are seen as a whole.
    """
    if whole and len(found.classes.foreground) == 1:
        return Choice("dice-focal", "One class in whole pictures, as ultrasound_laednet_segmentation was trained.")
    return Choice("dice-ce", "Dice and cross-entropy, as nnU-Net and the bundles of this package use.")


def choose_class_weights(found: Fingerprint) -> Choice[tuple[float, ...]]:
    """Choose the weights of the cross-entropy, which differ only where the volumes of the classes differ much.

    They grow with the cube root of how much rarer a class is than the most frequent class.

    Args:
        found: the fingerprint.
    """
    shares = {name: share for name, share in class_shares(found).items() if share > 0}
    if not shares:
        return Choice((), "No class has a voxel.")
    most, rarest = max(shares, key=lambda name: shares[name]), min(shares, key=lambda name: shares[name])
    ratio = shares[most] / shares[rarest]
    if ratio < UNBALANCED:
        said = "There is one class" if len(shares) == 1 else f"'{most}' has {ratio:.3g} times the voxels of '{rarest}'"
        return Choice((), f"{said}: equal weights, as Dice balances that.")
    weights = [
        round(min(STRONGEST, (shares[most] / shares[name]) ** (1 / 3)), 2) if name in shares else 1.0
        for name in found.classes.names
    ]
    return Choice(
        (1.0, *weights),
        f"'{most}' has {ratio:.3g} times the voxels of '{rarest}': rare ones count up to {STRONGEST:g} times as much.",
    )
