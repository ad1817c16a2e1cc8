"""Pairs of predictions and label maps by name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from monai_nlseg.errors import listed
from monai_nlseg.evaluation.names import find_label_maps, may_be_same, subject_or_name


@dataclass(frozen=True)
class CasePair:
    """The files of one case.

    Attributes:
        case: name of the case.
        prediction: predicted label map.
        label: true label map.
        mask: mask of the region, or None without a folder of masks or if it holds none for the case.
    """

    case: str
    prediction: Path
    label: Path
    mask: Path | None = None


@dataclass(frozen=True)
class Pairing:
    """Cases with both maps, by name, and the files left over.

    Attributes:
        pairs: the cases, named like their label maps.
        without_label, without_prediction: case -> file.
        ambiguous: file -> files of the other side that may be of the same case, where the match is not one to one.
    """

    pairs: tuple[CasePair, ...]
    without_label: dict[str, Path]
    without_prediction: dict[str, Path]
    ambiguous: dict[Path, list[Path]] = field(default_factory=dict)

    def problems(self) -> list[str]:
        """Return a sentence for each file that is not measured."""
        return [
            *(f"prediction '{path}' has no label map of case '{case}'" for case, path in self.without_label.items()),
            *(
                f"label map '{path}' has no prediction of case '{case}'"
                for case, path in self.without_prediction.items()
            ),
            *(
                f"'{path}' is not measured, because by its name it can belong to {_quoted(others)}: give both one "
                "name, or a pattern that leaves one match"
                for path, others in self.ambiguous.items()
            ),
        ]


def pair_cases(predictions: str | Path, labels: str | Path, masks: str | Path | None = None) -> Pairing:
    """Pair the label maps of two folders, and the masks of a third, by the names that :func:`find_label_maps` gives.

    Equal names are one case. Two other names are one case if neither may be the same as a third, see
    :func:`monai_nlseg.evaluation.names.may_be_same`.

    Args:
        predictions, labels, masks: a folder, or a pattern such as ``data/*_mask.tif``.

    Raises:
        ValueError: if no case is on both sides, or as :func:`find_label_maps` does.
    """
    predicted, labelled = find_label_maps(predictions), find_label_maps(labels)
    masked = find_label_maps(masks) if masks is not None else {}
    fits, fitting = candidates(predicted, labelled), candidates(labelled, predicted)
    partner = partners(fits, fitting)
    mask_of = partners(candidates(labelled, masked), candidates(masked, labelled))
    if not partner and not any(fits.values()):
        raise ValueError(
            f"no prediction in '{predictions}' has a label map in '{labels}': the predictions are named like "
            f"'{next(iter(predicted))}', the label maps like '{next(iter(labelled))}'; rename the files so that the "
            "names are equal up to endings such as _seg, _label and _mask."
        )
    true = set(partner.values())
    lone, missing = [case for case in fits if case not in partner], [case for case in fitting if case not in true]
    pairs = [
        CasePair(case, predicted[name], labelled[case], masked[mask_of[case]] if case in mask_of else None)
        for name, case in partner.items()
    ]
    return Pairing(
        tuple(sorted(pairs, key=lambda pair: pair.case)),
        {case: predicted[case] for case in lone if not fits[case]},
        {case: labelled[case] for case in missing if not fitting[case]},
        {
            **{predicted[case]: [labelled[other] for other in fits[case]] for case in lone if fits[case]},
            **{labelled[case]: [predicted[other] for other in fitting[case]] for case in missing if fitting[case]},
        },
    )


def candidates(cases: Collection[str], others: Collection[str]) -> dict[str, list[str]]:
    """Return case -> the names on the other side that may be of the same case: an equal one alone, if there is one.

    Args:
        cases, others: names as :func:`~monai_nlseg.evaluation.names.find_label_maps` gives them.
    """
    alike: dict[str, list[str]] = {}
    for other in others:
        alike.setdefault(subject_or_name(other), []).append(other)
    return {
        case: [case]
        if case in others
        else [other for other in alike.get(subject_or_name(case), []) if may_be_same(case, other)]
        for case in cases
    }


def partners(fits: Mapping[str, list[str]], fitting: Mapping[str, list[str]]) -> dict[str, str]:
    """Return case -> its partner, where each has no other choice.

    Args:
        fits, fitting: the :func:`candidates` of each side.
    """
    return {case: others[0] for case, others in fits.items() if len(others) == 1 and fitting[others[0]] == [case]}


def _quoted(paths: list[Path]) -> str:
    return listed([f"'{path}'" for path in paths])
