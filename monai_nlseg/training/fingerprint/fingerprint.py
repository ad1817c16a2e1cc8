"""The measures of a data set that a plan is made from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

from rich.console import RenderableType

from monai_nlseg.training.cases.case import Classes, TrainingData
from monai_nlseg.training.fingerprint.case import CaseFingerprint, ChannelIntensity
from monai_nlseg.training.fingerprint.finding import Finding, counted
from monai_nlseg.training.fingerprint.html import findings_html, lines_html, table_html
from monai_nlseg.training.fingerprint.tables import Table, class_table, grid_table, intensity_table
from monai_nlseg.training.fingerprint.text import as_renderable, as_text

__all__ = ["CaseFingerprint", "ChannelIntensity", "Finding", "Fingerprint"]


@dataclass(frozen=True)
class Fingerprint:
    """What a data set is like.

    It prints as tables and findings, and a notebook shows it as HTML.

    Attributes:
        data: the data set.
        spatial_dims: 2 for pictures, 3 for volumes.
        classes: what the label values mean: of the data set if it says so, else one class for each value found.
        channels: names of the channels. If the data set does not name them, "grey", or "red", "green" and "blue" for
            pictures, and "channel 1" and so on for volumes.
        cases: the measures, in the order of the cases; cases that cannot be used are missing. There is at least one.
        findings: what a person should know: errors first, then warnings and notes.
    """

    data: TrainingData
    spatial_dims: Literal[2, 3]
    classes: Classes
    channels: tuple[str, ...]
    cases: tuple[CaseFingerprint, ...]
    findings: tuple[Finding, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """What the data set is, in a few sentences."""
        kind = "volumes" if self.spatial_dims == 3 else "pictures"
        subjects = len({case.case.subject for case in self.cases})
        usable = f"{len(self.cases)} of {counted(len(self.data.cases))} usable, {counted(subjects, 'subject')}"
        lines = [
            f"{self.data.source}",
            f"Layout: {self.data.layout}. {self.spatial_dims}D {kind}, {usable}.",
            f"Channels: {', '.join(self.channels)}. Classes: {', '.join(self.classes.names)}"
            f"{' (regions that may overlap)' if self.classes.overlapping else ''}"
            f"{'' if self.classes.ignored is None else f'; {self.classes.ignored} is not annotated'}.",
        ]
        parts = Counter(case.case.part for case in self.cases if case.case.part)
        if parts:
            lines.append(f"Parts: {', '.join(f'{number} {part}' for part, number in parts.items())}.")
        for title, kinds in (
            ("Orientation", Counter(case.orientation for case in self.cases if case.orientation)),
            ("Stored type", Counter(case.dtype for case in self.cases)),
        ):
            if kinds:
                lines.append(f"{title}: {', '.join(f'{name} ({number})' for name, number in kinds.most_common())}.")
        return tuple(lines)

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables of sizes, intensities and classes."""
        return (
            grid_table(self.cases),
            intensity_table(self.cases, self.channels),
            class_table(self.cases, self.classes),
        )

    @property
    def unusable(self) -> tuple[str, ...]:
        """The names of the cases that cannot be used."""
        usable = {case.name for case in self.cases}
        return tuple(case.name for case in self.data.cases if case.name not in usable)

    def __rich__(self) -> RenderableType:
        return as_renderable(self.lines, self.tables, self.findings, self.data.left_out)

    def __str__(self) -> str:
        return as_text(self.__rich__())

    def _repr_html_(self) -> str:
        tables = "".join(f"<h4>{table.title}</h4>\n{table_html(table)}" for table in self.tables)
        return f"{lines_html(self.lines)}{findings_html(self.findings)}{tables}{lines_html(self.data.left_out)}"
