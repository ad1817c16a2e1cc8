"""Evaluation of two folders of label maps: a table, a summary and a picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import monai_nlseg
from monai_nlseg.bounds import require_number
from monai_nlseg.cores import available_cpus
from monai_nlseg.evaluation.case import CaseResult
from monai_nlseg.evaluation.classes import LabelClass
from monai_nlseg.evaluation.cohort import evaluate_cohort, find_classes
from monai_nlseg.evaluation.compare import compare_tables
from monai_nlseg.evaluation.findings import doubts, empty_jpegs, masks_as_one_class, one_sided_classes
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
from monai_nlseg.evaluation.table import CaseTable, read_table, table_of, write_table

MOST_JOBS = 1024
LARGEST_LABEL = 2**32


@dataclass(frozen=True)
class Evaluation:
    """The results of an evaluation and the files it wrote.

    Attributes:
        report: the content of summary.json.
        files: the files written.
        problems: a sentence for each file without a partner, each case that failed or is probably not what was meant,
            and each table or case that was not compared.
        warnings: a sentence for what changes how the numbers read, though all was measured: masks taken as one class,
            classes that no prediction or no label map holds, and empty JPEGs.
    """

    report: dict[str, Any]
    files: tuple[Path, ...]
    problems: tuple[str, ...]
    warnings: tuple[str, ...] = ()


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
    ignore_label: int | None = None,
    fill_contours: bool = False,
) -> Evaluation:
    """Evaluate label maps and write ``cases.csv``, ``summary.json`` and ``metrics.png``.

    The maps of two folders are paired by name and measured, the results summarised and compared with those of other
    methods. The picture needs matplotlib and is left out without it.

    Args:
        predictions, labels: folders of label maps, or patterns, see :func:`monai_nlseg.evaluation.find_label_maps`.
        output_dir: folder of the files; created if it is missing.
        classes: the classes, or None for one per value in any label map, and one in all for masks, see
            :func:`monai_nlseg.evaluation.classes.classes_of_values`.
        metrics: names from :data:`monai_nlseg.evaluation.METRICS`.
        roi: "full", "nonzero" or "mask".
        masks: folder or pattern of the masks, for the roi "mask".
        compare: tables (``cases.csv``) of other methods.
        jobs: number of processes, or None for one per CPU.
        progress: called with the number of cases and None at the start, then with that number and each result.
        ignore_label: value of the label maps whose voxels are left out of every metric, or None.
        fill_contours: whether the label maps are outlines, to be filled first.

    Raises:
        ValueError: for arguments out of their bounds, a folder or table that cannot be used, and if no case has a pair.
    """
    metrics = check_metrics(metrics)
    if roi not in ROI_MODES:
        raise ValueError(f"--roi '{roi}' is unknown: choose from {', '.join(ROI_MODES)}.")
    if (roi == "mask") != (masks is not None):
        raise ValueError(
            f"--roi {roi} {'needs a' if roi == 'mask' else 'takes no'} folder of masks: give --roi mask DIR."
        )
    if ignore_label is not None:
        require_number("--ignore-label", ignore_label, -LARGEST_LABEL, LARGEST_LABEL)
    if ignore_label in [value for each in classes or () for value in each.values]:
        raise ValueError(f"--ignore-label {ignore_label} is one of the --classes: leave it out there.")
    output = Path(output_dir)
    if output.exists() and not output.is_dir():
        raise ValueError(f"'{output}' is a file: give a folder as --output.")
    # A table that cannot be read is refused before the hours of work, not after them.
    others = {str(path): read_table(path) for path in compare}
    pairing = pair_cases(predictions, labels, masks)
    return evaluate_pairing(
        pairing,
        output,
        classes,
        metrics,
        {"predictions": str(predictions), "labels": str(labels), "masks": None if masks is None else str(masks)},
        roi,
        others,
        jobs,
        progress,
        ignore_label,
        fill_contours,
    )


def evaluate_pairing(
    pairing: Pairing,
    output: Path,
    classes: Sequence[LabelClass] | None,
    metrics: Sequence[str],
    sources: Mapping[str, Any],
    roi: str = "full",
    others: Mapping[str, CaseTable] | None = None,
    jobs: int | None = None,
    progress: Callable[[int, CaseResult | None], None] = lambda total, result: None,
    ignore_label: int | None = None,
    fill_contours: bool = False,
) -> Evaluation:
    """Evaluate label maps that are paired already, as :func:`evaluate_folders` does.

    Args:
        pairing: the cases.
        output: folder of the files; created if it is missing.
        classes, metrics, roi, jobs, progress, ignore_label, fill_contours: as for :func:`evaluate_folders`.
        sources: what the report's settings say about where the label maps come from.
        others: path -> table of another method.

    Raises:
        ValueError: for a number of jobs out of bounds.
    """
    jobs = available_cpus() if jobs is None else jobs
    require_number("the number of jobs", jobs, 1, MOST_JOBS)
    given = classes is not None
    classes = tuple(classes) if classes is not None else find_classes(pairing.pairs, ignore_label, jobs)
    output.mkdir(parents=True, exist_ok=True)

    progress(len(pairing.pairs), None)
    results = evaluate_cohort(
        pairing.pairs,
        classes,
        metrics,
        roi,
        jobs,
        lambda result: progress(len(pairing.pairs), result),
        ignore_label,
        fill_contours,
    )
    write_table(output / "cases.csv", results, metrics)
    comparisons, not_compared = compare_tables(table_of(results, metrics), others or {}, metrics)
    failures = {result.case: result.failure for result in results if result.failure is not None}
    problems = (
        *doubts(results),
        *(f"case '{case}' failed: {failure}" for case, failure in failures.items()),
        *pairing.problems(),
        *not_compared,
    )
    warnings = (
        *([] if given else masks_as_one_class(classes)),
        *one_sided_classes(results),
        *empty_jpegs(pairing.pairs, results),
    )
    report = {
        "monai_nlseg": monai_nlseg.__version__,
        "settings": {
            **sources,
            "classes": {each.name: list(each.values) for each in classes},
            "metrics": list(metrics),
            "roi": roi,
            "ignore_label": ignore_label,
            "fill_contours": fill_contours,
            "interval": f"percentile bootstrap of the mean, {BOOTSTRAP_RESAMPLES} resamples, seed {BOOTSTRAP_SEED}",
        },
        "cases": _case_counts(pairing, results, failures),
        "distance_units": distance_units(results),
        "classes": summarize(results, metrics),
        "average_of_classes": summarize_average(results, metrics),
        "comparisons": comparisons,
        "problems": list(problems),
        "warnings": list(warnings),
    }
    write_json(output / "summary.json", report)
    files = [output / "cases.csv", output / "summary.json"]
    picture = output / "metrics.png"
    if plot_metrics(picture, results, metrics):
        files.append(picture)
    else:
        picture.unlink(missing_ok=True)  # one of an earlier evaluation would be taken for this one's
    return Evaluation(report, tuple(files), problems, warnings)


def _case_counts(pairing: Pairing, results: Sequence[CaseResult], failures: dict[str, Any]) -> dict[str, Any]:
    return {
        "paired": len(results),
        "measured": len(results) - len(failures),
        "failed": len(failures),
        "failures": failures,
        "without_label": {case: str(path) for case, path in pairing.without_label.items()},
        "without_prediction": {case: str(path) for case, path in pairing.without_prediction.items()},
        "ambiguous": {str(path): [str(other) for other in others] for path, others in pairing.ambiguous.items()},
    }
