from __future__ import annotations

import pytest
from matplotlib.figure import Figure

from monai_nlseg.evaluation.case import CaseResult, ClassResult
from monai_nlseg.evaluation.plot import plot_metrics


@pytest.mark.parametrize(
    ("units", "expected"), [(["mm"], "mm"), (["pixel", "pixel"], "pixel"), (["pixel", "mm"], "mm or pixel")]
)
def test_titles_say_the_unit_of_the_distances(tmp_path, monkeypatch, units, expected):
    figures, save = [], Figure.savefig

    def savefig(figure, *args, **kwargs):
        figures.append(figure)
        save(figure, *args, **kwargs)

    monkeypatch.setattr(Figure, "savefig", savefig)
    values = {"dice": 0.9, "asd": 0.5, "surface_dice": 0.8}
    results = [CaseResult(str(n), "", (ClassResult("GM", "found", values),), unit) for n, unit in enumerate(units)]
    assert plot_metrics(tmp_path / "metrics.png", [*results, CaseResult("broken", failure="no")], list(values))
    titles = [panel.get_title() for panel in figures[0].axes[:3]]
    assert titles == ["Dice", f"average surface distance ({expected})", f"surface Dice at 1 {expected}"]
