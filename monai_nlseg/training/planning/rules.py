"""The rules in the order in which they need each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from monai_nlseg.bounds import LARGEST_COUNT, require_number
from monai_nlseg.training.fingerprint.fingerprint import Fingerprint
from monai_nlseg.training.planning import augmentation, division, geometry, inference, sampling, schedule
from monai_nlseg.training.planning.batch import choose_batch
from monai_nlseg.training.planning.choice import Choice
from monai_nlseg.training.planning.draft import Draft
from monai_nlseg.training.planning.initial import InitialBundle
from monai_nlseg.training.planning.intensity import choose_intensity
from monai_nlseg.training.planning.measures import voxel_size
from monai_nlseg.training.planning.network_rules import Built, build_network
from monai_nlseg.training.planning.pace import seconds_of_case
from monai_nlseg.training.planning.precision import choose_precision
from monai_nlseg.training.planning.processor import Processor
from monai_nlseg.training.planning.settings import Intensity, Settings


@dataclass(frozen=True)
class Wishes:
    """What a person asks for besides single settings.

    Attributes:
        network: short name or dotted path, None lets the data choose.
        hours: time of the whole training, None for no limit.
        iterations: steps of each fold, None leaves them to the time.
        folds: number of folds.
        initial: the bundle that the training starts from, None without one.
    """

    network: str | None
    hours: float | None
    iterations: int | None
    folds: int
    initial: InitialBundle | None

    def require_possible(self) -> None:
        """Refuse wishes that cannot be met together, or are out of bounds.

        Raises:
            ValueError: for hours and iterations at once, or numbers that are not above 0.
        """
        if self.hours is not None and self.iterations is not None:
            raise ValueError("hours and iterations were both given: give one of them.")
        if self.hours is not None:
            require_number("the number of hours", self.hours, 0.001, 10_000, whole=False)
        if self.iterations is not None:
            require_number("the number of iterations", self.iterations, 1, LARGEST_COUNT)
        require_number("the number of folds", self.folds, 1, 100)
        if self.initial is not None and self.network is not None:
            raise ValueError(
                f"a network ({self.network}) and a bundle to start from were both given, and the bundle brings its own "
                "network: give one of them."
            )


def apply_rules(
    draft: Draft, found: Fingerprint, wishes: Wishes, machine: Processor, seconds_per_step: Callable[[], float]
) -> Settings:
    """Choose all settings that were not given.

    Args:
        draft: what was given; the choices are written to it.
        found: the fingerprint.
        wishes: what was asked for.
        machine: what this machine can do.
        seconds_per_step: measures a training step with the settings of the draft.

    Returns:
        The settings.

    Raises:
        ValueError: as :func:`monai_nlseg.training.planning.make.plan`.
    """
    draft.choose("spatial_dims", lambda: _dims(found))
    network = _grid(draft, found, wishes, machine)
    precision = draft.choose("schedule.precision", lambda: choose_precision(machine, network.module))
    draft.choose("sampling.batch_size", lambda: choose_batch(draft, found, network, machine, precision == "bfloat16"))
    _learning(draft, found, network)
    _parts(draft, found, wishes)
    draft.choose("initial_bundle", lambda: _start(wishes.initial))
    _length(draft, found, wishes, seconds_per_step)
    return draft.settings()


def _start(initial: InitialBundle | None) -> Choice[str | None]:
    if initial is None:
        return Choice(None, "Training starts from random weights.")
    return Choice(initial.path, f"Asked for: training starts from the weights of {initial.name}.")


def _dims(found: Fingerprint) -> Choice[int]:
    return Choice(found.spatial_dims, "The images are volumes." if found.spatial_dims == 3 else "They are pictures.")


def _grid(draft: Draft, found: Fingerprint, wishes: Wishes, machine: Processor) -> Built:
    initial = wishes.initial
    draft.choose(
        "geometry.orientation", lambda: _else(initial, "orientation", lambda: geometry.choose_orientation(found))
    )
    spacing = draft.choose(
        "geometry.spacing", lambda: _else(initial, "spacing", lambda: geometry.choose_spacing(found))
    )
    network = build_network(draft, found, wishes.network, initial, spacing, machine.gpu)
    size = draft.choose(
        "geometry.size", lambda: _else(initial, "size", lambda: geometry.choose_size(found, network.divisor))
    )
    window = draft.choose(
        "sampling.window",
        lambda: _else(
            initial,
            "window",
            lambda: sampling.choose_window(found, spacing, size, network.divisor, network.smallest, machine.gpu),
        ),
    )
    network.require_window(window)
    chosen: tuple[Intensity, ...] = draft.choose("intensity", lambda: _intensity(found, initial))
    intensity = list(chosen)
    for name, value in draft.parts("intensity").items():
        index, _, leaf = name.partition(".")
        if int(index) >= len(intensity):
            raise ValueError(f"intensity.{name} was given, but the images have {len(intensity)} channels, from 0 on.")
        intensity[int(index)] = Intensity(**{**dict(intensity[int(index)]), leaf: value})
    draft.values["intensity"] = tuple(intensity)
    flips = draft.choose("augmentation.flip_axes", lambda: augmentation.choose_flips(found))
    others = augmentation.choose_augmentation(found, intensity, voxel_size(found, spacing))
    for name, choice in others.items():
        draft.choose(f"augmentation.{name}", lambda choice=choice: choice)  # type: ignore[misc]
    whole = sampling.is_whole(window, size)
    draft.choose("sampling.class_ratios", lambda: sampling.choose_ratios(found, whole))
    draft.values["inference.step"] = tuple(window)  # until the time is known
    draft.choose("inference.flips", lambda: inference.choose_inference_flips(found.spatial_dims, flips))
    return network


def _else(initial: InitialBundle | None, name: str, rule: Callable[[], Choice[Any]]) -> Choice[Any]:
    return rule() if initial is None else initial.choose(name, rule)


def _intensity(found: Fingerprint, initial: InitialBundle | None) -> Choice[tuple[Intensity, ...]]:
    channels = len(found.channels)
    if initial is None or initial.intensity is None or len(initial.intensity) not in (1, channels):
        return choose_intensity(found)
    each = initial.choose("intensity", lambda: choose_intensity(found))
    return Choice(each.value * (channels // len(each.value)), each.reason)


def _learning(draft: Draft, found: Fingerprint, network: Built) -> None:
    whole = sampling.is_whole(draft.values["sampling.window"], draft.values["geometry.size"])
    trained = f"As {network.trained} was trained." if network.trained else "A usual value for AdamW."
    draft.choose("schedule.learning_rate", lambda: Choice(network.learning_rate, trained))
    draft.choose("schedule.weight_decay", lambda: Choice(network.weight_decay, trained))
    draft.choose("schedule.loss", lambda: schedule.choose_loss(found, whole))
    draft.choose("schedule.class_weights", lambda: schedule.choose_class_weights(found))
    draft.choose("schedule.seed", lambda: Choice(0, "The same seed gives the same weights on the same machine."))


def _parts(draft: Draft, found: Fingerprint, wishes: Wishes) -> None:
    folds = draft.choose("division.folds", lambda: division.choose_folds(found, wishes.folds))
    division.choose_folds(found, folds)  # refuses those that were given, too
    test = draft.choose("division.test_share", lambda: division.choose_test_share(found, folds))
    draft.choose("division.validation_share", lambda: division.choose_validation_share(found, folds, test))


def _length(draft: Draft, found: Fingerprint, wishes: Wishes, seconds_per_step: Callable[[], float]) -> None:
    for name in ("iterations", "epoch", "validation_interval"):
        draft.values[f"schedule.{name}"] = 1
    settings, pace, limit = draft.settings(), None, 0.0
    window = settings.sampling.window
    whole = sampling.is_whole(window, settings.geometry.size)
    if wishes.hours is None:
        draft.choose("inference.step", lambda: inference.choose_step(window, whole))
    else:
        limit = wishes.hours * 3600 / settings.division.folds
        seconds = seconds_per_step()
        cases = division.validation_cases(found, settings.division.folds, settings.division.validation_share)

        def of_case(step: tuple[int, ...]) -> float:
            inferring = settings.inference.model_copy(update={"step": step})
            return seconds_of_case(settings.model_copy(update={"inference": inferring}), found, seconds)

        def predicting(step: tuple[int, ...]) -> float:
            return cases * of_case(step)

        step = draft.choose("inference.step", lambda: inference.choose_step(window, whole, predicting, limit))
        # The finished bundle averages the networks of all folds, so that each training has the share of one network.
        copies = 2 ** len(settings.augmentation.flip_axes) if settings.inference.flips else 1
        test = division.test_cases(found, settings.division.test_share) * copies * of_case(step)
        pace = schedule.Pace(seconds, predicting(step), test)
    asked = draft.given.get("schedule.iterations", wishes.iterations)
    choice = schedule.choose_length(limit or None, asked, pace)
    length = choice.value
    draft.choose("schedule.iterations", lambda: Choice(length.iterations, choice.reason))
    draft.choose("schedule.epoch", lambda: Choice(length.epoch, schedule.epoch_reason(length)))
    draft.choose(
        "schedule.validation_interval", lambda: Choice(length.validation_interval, schedule.validation_reason(length))
    )
