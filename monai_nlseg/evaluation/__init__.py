"""`nlseg evaluate`: metrics of a folder of label maps against another."""

from __future__ import annotations

from monai_nlseg.evaluation.case import CaseResult, ClassResult, evaluate_case
from monai_nlseg.evaluation.classes import LabelClass, parse_classes
from monai_nlseg.evaluation.cohort import evaluate_cohort
from monai_nlseg.evaluation.compare import compare_tables, holm, paired_tests
from monai_nlseg.evaluation.evaluate import Evaluation, evaluate_folders, evaluate_pairing
from monai_nlseg.evaluation.measures import DEFAULT_METRICS, METRICS, Metric
from monai_nlseg.evaluation.names import find_label_maps
from monai_nlseg.evaluation.pairs import CasePair, Pairing, pair_cases
from monai_nlseg.evaluation.report import print_comparisons, print_summary
from monai_nlseg.evaluation.summary import describe, summarize, summarize_average
from monai_nlseg.evaluation.table import CaseTable, read_table

__all__ = [
    "DEFAULT_METRICS",
    "METRICS",
    "CasePair",
    "CaseResult",
    "CaseTable",
    "ClassResult",
    "Evaluation",
    "LabelClass",
    "Metric",
    "Pairing",
    "compare_tables",
    "describe",
    "evaluate_case",
    "evaluate_cohort",
    "evaluate_folders",
    "evaluate_pairing",
    "find_label_maps",
    "holm",
    "pair_cases",
    "paired_tests",
    "parse_classes",
    "print_comparisons",
    "print_summary",
    "read_table",
    "summarize",
    "summarize_average",
]
