"""Tests of the panels that the figures show."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from monai_nlseg.experiments.cells import filled_table
from monai_nlseg.experiments.report.boxes import draw_boxes
from monai_nlseg.experiments.report.curves import draw_curves
from monai_nlseg.experiments.report.overlays import draw_overlays
from monai_nlseg.experiments.report.scatter import draw_scatter
from monai_nlseg.experiments.report.style import style_of, wrapped
from monai_nlseg.experiments.report.sweep import draw_sweep
from monai_nlseg.experiments.results import read_results
from monai_nlseg.experiments.schema.layout import Figure as Asked
from tests.experiments.finished import EXPERIMENT, FULL, PLAIN, run_record, write_all, write_experiment, write_run

REFERENCE = f"{FULL}, step 8"
SWEEP = Asked(kind="sweep", title="Dice against step", x="step", metric="Table 1: Dice/average")
SIZE = Asked(kind="scatter", title="Size", x="Table 2: cost/parameters", y="Table 2: cost/Dice")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return read_results(write_all(tmp_path_factory.mktemp("experiment")))


@pytest.fixture(scope="module")
def tables(results):
    return [filled_table(results, table, REFERENCE) for table in results.experiment.tables]


@pytest.fixture
def drawn(monkeypatch):
    figures, save = [], Figure.savefig

    def savefig(figure, *args, **kwargs):
        figures.append(figure)
        save(figure, *args, **kwargs)

    monkeypatch.setattr(Figure, "savefig", savefig)
    return figures


def test_boxes(tables, drawn, tmp_path):
    (picture,) = draw_boxes(tables[0], 1, tmp_path)
    assert picture.path.as_posix() == "figures/boxes_1.png" and (tmp_path / picture.path).is_file()
    panels = drawn[0].axes
    assert [panel.get_title() for panel in panels] == ["CSF", "average"]
    names = [label.get_text() for label in panels[0].get_yticklabels()]
    assert names == [f"{FULL}, step 8", f"{FULL}, step 16", f"{PLAIN}, step 8", f"{PLAIN}, step 16"]
    points = [line for line in panels[0].lines if line.get_marker() == "."]
    for position, (name, line) in enumerate(zip(names, points), 1):
        assert sorted(line.get_xdata()) == pytest.approx(sorted(tables[0].cells[name]["CSF"].values.values()))
        assert set(line.get_ydata()) == {position}
    published = [line for line in panels[0].lines if line.get_marker() == "D" and len(line.get_xdata())]
    assert [(line.get_xdata()[0], line.get_ydata()[0]) for line in published] == [(95.30, 1)]
    assert [text.get_text() for text in panels[0].texts] == ["6"] * 4


def test_no_boxes_of_runs(tables, tmp_path):
    assert draw_boxes(tables[1], 1, tmp_path) == []


def test_curves(results, drawn, tmp_path):
    (picture,) = draw_curves(results, tmp_path)
    loss, metric = drawn[0].axes
    assert (loss.get_title(), metric.get_title(), loss.get_xlabel()) == (
        "training loss",
        "validated metric",
        "iteration",
    )
    thick = [line for line in loss.lines if line.get_linewidth() > 1]
    assert [line.get_label() for line in thick] == [FULL, PLAIN] and len(loss.lines) == 2 * (3 + 1)
    np.testing.assert_allclose(thick[1].get_xydata(), [(20 * n, 1 / n + 0.1) for n in (1, 2, 3, 4)], atol=1e-4)
    of_metric = [line for line in metric.lines if line.get_linewidth() > 1]
    np.testing.assert_allclose(of_metric[1].get_xydata(), [(40, 0.84), (80, 0.90)], atol=1e-4)
    assert "which chose nothing" in picture.caption


def test_curves_without_validation(tmp_path, drawn):
    """Folds of other sizes have other iterations: the mean is over those of an epoch, as far as all runs have it."""
    write_experiment(tmp_path)
    for fold, text in (("fold_1", "1,10,4,\n2,20,2,\n3,30,1,\n"), ("fold_2", "1,14,2,\n2,28,1,\n")):
        place = write_run(tmp_path, run_record(FULL, fold))
        (place / "training_curve.csv").write_text(f"epoch,iteration,loss,metric\n{text}")
    (picture,) = draw_curves(read_results(tmp_path), tmp_path)
    (panel,) = drawn[0].axes
    thick = next(line for line in panel.lines if line.get_linewidth() > 1)
    assert thick.get_xydata().tolist() == [[12, 3], [24, 1.5]] and "metric" not in picture.caption


def test_sweep(results, tables, drawn, tmp_path):
    (picture,) = draw_sweep(results, tables, SWEEP, 1, tmp_path)
    panel, clock = drawn[0].axes
    assert [line.get_label() for line in panel.lines] == [FULL, f"{FULL}, published", PLAIN]
    for model, line in ((FULL, panel.lines[0]), (PLAIN, panel.lines[2])):
        means = [tables[0].cells[f"{model}, step {step}"]["average"].mean for step in (8, 16)]
        np.testing.assert_allclose(line.get_xydata(), [(8, means[0]), (16, means[1])])
    assert panel.lines[1].get_xydata().tolist() == [[8, 92.92]]
    np.testing.assert_allclose(clock.lines[0].get_xydata(), [(8, 8.35), (16, 4.35)])
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("step", "average, solid")
    assert clock.get_ylabel() == "inference of a case (s), dotted" and picture.title == "Dice against step"


@pytest.mark.parametrize(
    ("values", "scale", "ticks"),
    [
        ([16, 24, 48], "linear", ["16", "24", "48"]),
        ([4, 8, 32], "log", ["4", "8", "32"]),
        ([[3, 3], [2, 2]], "linear", ["2", "3"]),
        (["b", [2, 3]], "linear", ["b", "[2, 3]"]),
    ],
)
def test_sweep_over_a_grid(tmp_path, drawn, values, scale, ticks):
    """A grid's models are points of their model's line; a row without the id is named."""
    table = {"title": "T", "columns": {"Dice": {"metric": "val_mean_dice"}}}
    content = {"title": "", "bundle": "", "models": {FULL: {}}, "grid": {"roi": values}, "tables": [table]}
    results = read_results(write_all(tmp_path, content | {"protocol": EXPERIMENT["protocol"]}))
    found = [filled_table(results, each, next(iter(results.experiment.rows()))) for each in results.experiment.tables]
    draw_sweep(results, found, Asked(kind="sweep", title="S", x="roi", metric="T/Dice"), 1, tmp_path)
    panel = drawn[0].axes[0]
    assert [line.get_label() for line in panel.lines] == [FULL] and len(panel.lines[0].get_xdata()) == len(values)
    assert panel.get_xscale() == scale
    assert [text.get_text() for text in panel.get_xticklabels()] == ticks


def test_sweep_over_an_id_that_nobody_sets(results, tables, tmp_path):
    assert (
        draw_sweep(results, tables, Asked(kind="sweep", title="S", x="roi", metric="Table 1: Dice/CSF"), 1, tmp_path)
        == []
    )


def test_scatter(tables, drawn, tmp_path):
    draw_scatter(tables, SIZE, 1, tmp_path)
    (panel,) = drawn[0].axes
    assert panel.get_xscale() == "log" and (panel.get_xlabel(), panel.get_ylabel()) == ("parameters", "Dice")
    rows = [f"{FULL}, step 8", f"{FULL}, step 16", f"{PLAIN}, step 8", f"{PLAIN}, step 16", "Model of others"]
    assert [text.get_text() for text in panel.texts] == rows
    points = [tuple(line.get_xydata()[0]) for line in panel.lines]
    assert points[:4] == [tuple(tables[1].cells[row][name].mean for name in ("parameters", "Dice")) for row in rows[:4]]
    assert points[4] == (2534276, 0.9)
    hollow = [to_hex(line.get_markerfacecolor()) == "#ffffff" for line in panel.lines]
    assert hollow == [False] * 4 + [True]


def test_names_of_points_do_not_cover_each_other(tables, drawn, tmp_path):
    draw_scatter(tables, SIZE, 1, tmp_path)
    boxes = [text.get_window_extent() for text in drawn[0].axes[0].texts]
    assert not any(box.overlaps(other) for index, box in enumerate(boxes) for other in boxes[:index])


def test_overlays(results, drawn, tmp_path):
    (picture,) = draw_overlays(results, tmp_path)
    panels = np.array(drawn[0].axes).reshape(3, 6)
    titles = [panel.get_title().replace("\n", " ") for panel in panels[0]]
    assert titles == ["image", "label", *results.experiment.rows()]
    assert [row[0].get_ylabel() for row in panels] == ["s1", "s2", "s3"]
    image, label, prediction = (panel.get_images()[0].get_array() for panel in panels[1][:3])
    assert image.shape == (48, 40, 3) and np.ptp(image, axis=2).max() == 0
    coloured = np.ptp(label, axis=2) > 0.01
    across, down = np.meshgrid(np.linspace(-1, 1, 40), np.linspace(-1, 1, 48))
    np.testing.assert_array_equal(coloured, np.hypot(across, down) < 0.8)
    # The file's colours: 1 is red, 2 is green.
    assert label[24, 20].argmax() == 1 and label[24, 6].argmax() == 0
    np.testing.assert_array_equal(np.ptp(prediction, axis=2) > 0.01, np.roll(coloured, 2, 0))
    assert picture.caption == "Slices of 3 of the 3 test cases that runs have kept: image, label, predictions."


def test_overlays_of_many_models(tmp_path, drawn):
    models = {f"Model{number}": {} for number in range(6)}
    content = EXPERIMENT | {"models": models, "inference": {}, "reference": None, "figures": [], "colors": {}}
    content["tables"] = [EXPERIMENT["tables"][0] | {"published": {}}]
    write_all(tmp_path, content)
    (tmp_path / "runs" / "model5" / "fold_1" / "slices_result.npz").unlink()
    pictures = draw_overlays(read_results(tmp_path), tmp_path)
    assert [picture.path.name for picture in pictures] == ["overlays_1.png", "overlays_2.png"]
    titles = [panel.get_title() for panel in drawn[1].axes if panel.get_title()]
    assert titles == ["image", "label", "Model3", "Model4", "Model5"]
    assert [text.get_text() for panel in drawn[1].axes for text in panel.texts] == ["no slice"]


def test_no_overlays_where_none_were_kept(tmp_path):
    write_run(write_experiment(tmp_path), run_record(FULL, "fold_1"), slices=False)
    assert draw_overlays(read_results(tmp_path), tmp_path) == []


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off"])
def test_damaged_slices(tmp_path, content):
    place = write_run(write_experiment(tmp_path), run_record(FULL, "fold_1"))
    (place / "slices_step-8.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"slices_step-8.npz' cannot be read as slices \(.*\): remove it\."):
        draw_overlays(read_results(tmp_path), tmp_path)


def test_a_color_that_is_none(tmp_path):
    write_all(tmp_path, EXPERIMENT | {"colors": {1: "rouge"}})
    with pytest.raises(ValueError, match="color 'rouge' of label 1 is none: give one such as '#ff0000'"):
        draw_overlays(read_results(tmp_path), tmp_path)


def test_styles_tell_models_apart():
    styles = [style_of(index) for index in range(14)]
    assert len({(style["color"], style["linestyle"]) for style in styles}) == 14
    assert len({(style["color"], style["marker"]) for style in styles}) == 14


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Model1", "Model1"),
        ("Non-local U-Net, step 8", "Non-local U-Net,\nstep 8"),
        ("Attention U-Net with gates, step 8", "Attention U-Net with\ngates,\nstep 8"),
    ],
)
def test_wrapped(name, expected):
    assert wrapped(name, 20) == expected
