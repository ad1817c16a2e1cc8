"""The part of a model card that tells how good a bundle is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monai_nlseg.training.fitting.choices import Choices
from monai_nlseg.training.fitting.measure import METRICS
from monai_nlseg.training.fitting.result import four_digits
from monai_nlseg.training.fitting.run import Run

LIMITS = """### Limits

- The scores hold for images like those that were trained on: the same scanners, protocols, populations and annotators.
- Not for clinical use."""


def performance(run: Run, choices: Choices, result: Mapping[str, Any]) -> str:
    """Return the text of the section Performance, in Markdown.

    Args:
        run: the run.
        choices: what was chosen.
        result: content of ``result.json``.
    """
    parts = [f"### {_validation_title(run, result)}", _table(result["validation"]), _caution(run, choices)]
    if result["test"] is not None:
        parts += [
            f"### Test: {result['test']['cases']} cases that chose nothing, segmented by this bundle",
            _table(result["test"]),
        ]
    parts += [
        "### Chosen by validation",
        "\n".join(f"- {sentence}" for sentence in result["choices"]),
        "### Training curves",
        "\n".join(_curve(fold, result["training_seconds"][fold - 1]) for fold in run.folds),
        LIMITS,
    ]
    return "\n\n".join(parts)


def _validation_title(run: Run, result: Mapping[str, Any]) -> str:
    cases, folds = result["validation"]["cases"], len(run.folds)
    if folds == 1:
        return f"Validation: {cases} cases that the network has not learned from"
    return (
        f"Cross-validation: {cases} cases in {folds} folds, each segmented by the network that has not learned from it"
    )


def _caution(run: Run, choices: Choices) -> str:
    ensemble = (
        "" if len(run.folds) == 1 else " The bundle averages the networks of all folds, which no case can measure."
    )
    return (
        "These cases also chose the weights and what follows the network, so their scores are a little too good. "
        f"Without what follows the network the mean Dice is {four_digits(choices.before)}.{ensemble}"
    )


def _table(scores: Mapping[str, Any]) -> str:
    head = ["class", "n", *METRICS]
    rows = [
        [name, str(found["dice"]["n"]), *(_moments(found[metric]) for metric in METRICS)]
        for name, found in scores["classes"].items()
    ]
    lines = [head, ["---"] * len(head), *rows]
    table = "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
    mean = four_digits(scores["mean_dice"])
    return f"{table}\n\nMean over the cases (standard deviation); the mean Dice of the classes is {mean}."


def _moments(found: Mapping[str, Any]) -> str:
    if found["mean"] is None:
        return "undefined"
    return f"{found['mean']:.4g}" + ("" if found["std"] is None else f" ({found['std']:.3g})")


def _curve(fold: int, seconds: float) -> str:
    return f"![Fold {fold}, trained in {seconds / 60:.1f} minutes](training_curve_fold_{fold}.png)"
