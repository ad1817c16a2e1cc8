"""Parts of a set of cases that share no subject, each with its share of every class."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from monai_nlseg.training.cases.case import TrainingCase

NOTHING = ""
"""Stands for the class of the cases that show none, which are spread over the parts too."""


def stratified_parts(
    cases: Sequence[TrainingCase],
    present: Mapping[str, Collection[str]],
    shares: Sequence[float],
    seed: int = 0,
    everywhere: bool = True,
) -> list[list[TrainingCase]]:
    """Divide cases into parts, with all cases of a subject in one.

    The classes are gone through from the rarest to the most frequent. Each subject that shows the class goes to the
    part that lacks most of its share of the class, and then of its share of the cases. The result depends on the names
    and the seed alone, not on the order of the cases.

    Source: iterative stratification of Sechidis, Tsoumakas and Vlahavas (ECML PKDD 2011), here of subjects.

    Args:
        cases: the cases.
        present: name of a case -> the classes that it shows.
        shares: share of the cases of each part, which sum up to 1.
        seed: chooses among subjects that are alike.
        everywhere: whether each part gets a subject with each class that enough subjects show, whatever its share.

    Returns:
        The parts, none of them empty, each in the order of the names.

    Raises:
        ValueError: for fewer subjects than parts.
    """
    subjects = _by_subject(cases, seed)
    if len(subjects) < len(shares):
        raise ValueError(f"{len(subjects)} subjects cannot be divided into {len(shares)} parts: give more of them.")
    shown = {name: Counter(_classes(of, present)) for name, of in subjects.items()}
    wanted = _Wanted(cases, present, shares)
    parts: list[list[str]] = [[] for _ in shares]
    left = dict.fromkeys(subjects)
    while left:
        holders = Counter(each for name in left for each in shown[name])
        rarest = min(holders, key=lambda each: (holders[each], each))
        group = sorted((name for name in left if rarest in shown[name]), key=lambda name: -shown[name][rarest])
        for place, name in enumerate(group):
            without = [part for part in range(len(parts)) if rarest not in wanted.shown[part]]
            needed = everywhere and rarest != NOTHING and len(group) - place <= len(without)
            part = wanted.neediest(rarest, without if needed and without else range(len(parts)))
            parts[part].append(name)
            wanted.give(part, shown[name], len(subjects[name]))
            del left[name]
    _fill_empty(parts, shown, subjects)
    return [sorted((case for name in part for case in subjects[name]), key=lambda case: case.name) for part in parts]


class _Wanted:
    """How many cases, and how many of each class, each part still lacks, and the classes that it shows."""

    def __init__(
        self, cases: Sequence[TrainingCase], present: Mapping[str, Collection[str]], shares: Sequence[float]
    ) -> None:
        total = Counter(_classes(cases, present))
        self.of_class = [{each: count * share for each, count in total.items()} for share in shares]
        self.of_cases = [len(cases) * share for share in shares]
        self.shown: list[set[str]] = [set() for _ in shares]

    def neediest(self, shown: str, parts: Collection[int]) -> int:
        return max(parts, key=lambda part: (self.of_class[part][shown], self.of_cases[part], -part))

    def give(self, part: int, shown: Mapping[str, int], cases: int) -> None:
        self.of_cases[part] -= cases
        self.shown[part].update(shown)
        for each, count in shown.items():
            self.of_class[part][each] -= count


def _by_subject(cases: Sequence[TrainingCase], seed: int) -> dict[str, list[TrainingCase]]:
    """Return the cases of each subject, in an order that is unrelated to their names."""
    groups: dict[str, list[TrainingCase]] = {}
    for case in cases:
        groups.setdefault(case.subject, []).append(case)
    return dict(sorted(groups.items(), key=lambda group: hashlib.sha256(f"{seed} {group[0]}".encode()).hexdigest()))


def _classes(cases: Sequence[TrainingCase], present: Mapping[str, Collection[str]]) -> list[str]:
    return [each for case in cases for each in set(present.get(case.name, ())) or {NOTHING}]


def _fill_empty(
    parts: Sequence[list[str]], shown: Mapping[str, Mapping[str, int]], subjects: Mapping[str, Sequence[TrainingCase]]
) -> None:
    """Move a subject into each empty part: one whose classes the part of most subjects has elsewhere, if possible."""
    for part in parts:
        if not part:
            donor = max(parts, key=len)
            count = Counter(each for name in donor for each in shown[name])
            unique = {name: sum(count[each] == 1 for each in shown[name]) for name in donor}
            moved = min(donor, key=lambda name: (unique[name], len(subjects[name])))
            donor.remove(moved)
            part.append(moved)
