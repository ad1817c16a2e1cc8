"""From two folders of label maps to a table, a summary and a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import monai_nlseg
from monai_nlseg.evaluation.case import CaseResult
from monai_nlseg.evaluation.classes import LabelClass
from monai_nlseg.evaluation.cohort import available_cpus, evaluate_cohort, find_classes
from monai_nlseg.evaluation.compare import compare_tables
from monai_nlseg.evaluation.measures import DEFAULT_METRICS, check_metrics
from monai_nlseg.evaluation.pairs import Pairing, pair_cases
from monai_nlseg.evaluation.plot import plot_metrics
from monai_nlseg.evaluation.region import ROI_MODES
from monai_nlseg.evaluation.report import write_json
from monai_nlseg.evaluation.summary import (
    BOOTSTRAP_RESAMPLES,
    BOOTSTRAP_SEED,
    distance_units,
    summarize,
    summarize_average,
)
from monai_nlseg.evaluation.table import read_table, table_of, write_table

__all__ = ["Evaluation", "evaluate_folders"]


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation found and wrote.

    Attributes:
        report: the content of summary.json.
        files: the files written.
        problems: a sentence for each file without partner, case that failed and table or case that was not compared.
    """

    report: dict[str, Any]
    files: tuple[Path, ...]
    problems: tuple[str, ...]


def evaluate_folders(
    predictions: str | Path,
    labels: str | Path,
    output_dir: str | Path,
    classes: Sequence[LabelClass] | None = None,
    metrics: Sequence[str] = DEFAULT_METRICS,
    roi: str = "full",
    masks: str | Path | None = None,
    compare: Sequence[str | Path] = (),
    jobs: int | None = None,
    progress: Callable[[int, CaseResult | None], None] = lambda total, result: None,
) -> Evaluation:
    """Pair, measure, summarise, compare, and write ``cases.csv``, ``summary.json`` and ``metrics.png``.

    The picture needs matplotlib and is left out without it.

    Args:
        predictions, labels: folders of label maps, or patterns, see :func:`monai_nlseg.evaluation.find_label_maps`.
        output_dir: folder of the files; made if it is missing.
        classes: the classes, or None for one for each value in any label map.
        metrics: names from :data:`monai_nlseg.evaluation.METRICS`.
        roi: "full", "nonzero" or "mask".
        masks: folder or pattern of the masks, for the roi "mask".
        compare: tables (``cases.csv``) of other methods.
        jobs: processes, or None for one a CPU.
        progress: called with the number of cases and None at the start, then with each result.

    Raises:
        ValueError: for arguments that do not fit, a folder or table that cannot be used, and where no case pairs.
    """
    metrics = check_metrics(metrics)
    if roi not in ROI_MODES:
        raise ValueError(f"--roi '{roi}' is unknown: choose from {', '.join(ROI_MODES)}.")
    if (roi == "mask") != (masks is not None):
        raise ValueError(
            f"--roi {roi} {'needs a' if roi == 'mask' else 'takes no'} folder of masks: give --roi mask DIR."
        )
    output = Path(output_dir)
    if output.exists() and not output.is_dir():
        raise ValueError(f"'{output}' is a file: give --output a folder.")
    # Tables that cannot be read are told before hours of work, not behind them.
    others = {str(path): read_table(path) for path in compare}
    pairing = pair_cases(predictions, labels, masks)
    classes = tuple(classes) if classes is not None else find_classes(pairing.pairs)
    output.mkdir(parents=True, exist_ok=True)

    progress(len(pairing.pairs), None)
    results = evaluate_cohort(
        pairing.pairs,
        classes,
        metrics,
        roi,
        available_cpus() if jobs is None else jobs,
        lambda result: progress(len(pairing.pairs), result),
    )
    write_table(output / "cases.csv", results, metrics)
    comparisons, not_compared = compare_tables(table_of(results, metrics), others, metrics)
    failures = {result.case: result.failure for result in results if result.failure is not None}
    problems = (
        *pairing.problems(),
        *(f"case '{case}' failed: {failure}" for case, failure in failures.items()),
        *not_compared,
    )
    report = {
        "monai_nlseg": monai_nlseg.__version__,
        "settings": {
            "predictions": str(predictions),
            "labels": str(labels),
            "classes": {each.name: list(each.values) for each in classes},
            "metrics": list(metrics),
            "roi": roi,
            "masks": None if masks is None else str(masks),
            "interval": f"percentile bootstrap of the mean, {BOOTSTRAP_RESAMPLES} resamples, seed {BOOTSTRAP_SEED}",
        },
        "cases": _case_counts(pairing, results, failures),
        "distance_units": distance_units(results),
        "classes": summarize(results, metrics),
        "average_of_classes": summarize_average(results, metrics),
        "comparisons": comparisons,
        "problems": list(problems),
    }
    write_json(output / "summary.json", report)
    files = [output / "cases.csv", output / "summary.json"]
    picture = output / "metrics.png"
    if plot_metrics(picture, results, metrics):
        files.append(picture)
    else:
        picture.unlink(missing_ok=True)  # of an earlier evaluation, which it would pass off as this one
    return Evaluation(report, tuple(files), problems)


def _case_counts(pairing: Pairing, results: Sequence[CaseResult], failures: dict[str, Any]) -> dict[str, Any]:
    return {
        "paired": len(results),
        "measured": len(results) - len(failures),
        "failed": len(failures),
        "failures": failures,
        "without_label": {case: str(path) for case, path in pairing.without_label.items()},
        "without_prediction": {case: str(path) for case, path in pairing.without_prediction.items()},
    }
