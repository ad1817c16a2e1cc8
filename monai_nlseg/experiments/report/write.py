"""Write the report of an experiment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from monai_nlseg.experiments.cells import FilledTable, filled_table
from monai_nlseg.experiments.report.boxes import draw_boxes
from monai_nlseg.experiments.report.budget import budget, overridden, unfinished
from monai_nlseg.experiments.report.curves import draw_curves
from monai_nlseg.experiments.report.document import Block, Heading, Paragraph, Picture
from monai_nlseg.experiments.report.html import to_html
from monai_nlseg.experiments.report.markdown import to_markdown
from monai_nlseg.experiments.report.overlays import draw_overlays
from monai_nlseg.experiments.report.scatter import draw_scatter
from monai_nlseg.experiments.report.sweep import draw_sweep
from monai_nlseg.experiments.report.table_csv import to_csv
from monai_nlseg.experiments.report.tables import table_blocks, tests_blocks
from monai_nlseg.experiments.results import Results, read_results
from monai_nlseg.io.files import written_beside


@dataclass(frozen=True)
class _Figures:
    """Pictures that have been written: of each table, those the file asks for, training curves and slices."""

    boxes: dict[str, list[Picture]]
    asked: list[Picture]
    curves: list[Picture]
    overlays: list[Picture]

    def all(self) -> list[Picture]:
        """Return all pictures, in the order of the report."""
        boxes = [picture for pictures in self.boxes.values() for picture in pictures]
        return [*boxes, *self.asked, *self.curves, *self.overlays]


def write_report(folder: str | Path, reference: str | None = None) -> tuple[Path, ...]:
    """Write ``report.md``, ``report.html``, ``report.csv`` and ``figures/*.png`` of an experiment, finished or not.

    Args:
        folder: the ``--output`` of ``nlseg experiment run``.
        reference: the row that paired tests compare the others with, instead of the experiment file's.

    Returns:
        The paths of what was written.

    Raises:
        ValueError: for a folder without an experiment, a record that is damaged, a reference that is not a row, and
            without matplotlib.
    """
    folder = Path(folder)
    results = read_results(folder)
    rows = results.experiment.rows()
    chosen = reference or results.experiment.reference_row
    if chosen not in rows:
        raise ValueError(f"reference '{chosen}' is not a row of the experiment: choose from {', '.join(rows)}.")
    tables = [filled_table(results, table, chosen) for table in results.experiment.tables]
    figures = _draw(results, tables, folder)
    title = results.experiment.title
    markdown = to_markdown(title, _blocks(results, tables, figures))
    texts = {
        "report.md": markdown,
        "report.html": to_html(markdown, title, folder),
        "report.csv": to_csv(results, tables),
    }
    for name, text in texts.items():
        with written_beside(folder / name) as beside:
            beside.write_text(text, encoding="utf-8", newline="\n")
    return (*(folder / name for name in texts), *(folder / picture.path for picture in figures.all()))


def _draw(results: Results, tables: Sequence[FilledTable], folder: Path) -> _Figures:
    asked: list[Picture] = []
    for number, figure in enumerate(results.experiment.figures, 1):
        if figure.kind == "sweep":
            asked += draw_sweep(results, tables, figure, number, folder)
        else:
            asked += draw_scatter(tables, figure, number, folder)
    return _Figures(
        {found.table.title: draw_boxes(found, number, folder) for number, found in enumerate(tables, 1)},
        asked,
        draw_curves(results, folder),
        draw_overlays(results, folder),
    )


def _blocks(results: Results, tables: Sequence[FilledTable], figures: _Figures) -> list[Block]:
    experiment = results.experiment
    about = {"Source": experiment.source, "Data": experiment.data, "Notes": experiment.notes}
    blocks: list[Block] = [Paragraph(f"{name}: {text}") for name, text in about.items() if text]
    blocks += [*overridden(results), *unfinished(results), *budget(results)]
    for found in tables:
        blocks += [*table_blocks(results, found), *figures.boxes[found.table.title], *tests_blocks(found)]
    for title, pictures in (
        ("Figures", figures.asked),
        ("Training curves", figures.curves),
        ("Slices", figures.overlays),
    ):
        blocks += [Heading(title), *pictures] if pictures else []
    return blocks
