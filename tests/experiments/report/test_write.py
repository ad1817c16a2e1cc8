"""The whole report, of one experiment that is finished and one that is not."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from PIL import Image

from monai_nlseg.experiments.cells import filled_table
from monai_nlseg.experiments.report import write_report
from monai_nlseg.experiments.report.table_csv import COLUMNS
from monai_nlseg.experiments.results import read_results
from tests.experiments.finished import EXPERIMENT, FULL, PLAIN, run_record, write_all, write_experiment, write_run

BOLD = "<b>|*"
FIGURES = ["boxes_1", "sweep_1", "scatter_2", "training_curves", "overlays_1"]


class Page(HTMLParser):
    """What a page holds: tags with their attributes, and the text of each cell."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.cells: list[str] = []
        self.inside = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in ("td", "th"):
            self.cells.append("")
            self.inside = True

    def handle_data(self, data):
        if self.inside:
            self.cells[-1] += data

    def handle_endtag(self, tag):
        self.inside = self.inside and tag not in ("td", "th")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    write_report(write_all(folder))
    return folder


@pytest.fixture(scope="module")
def unfinished(tmp_path_factory):
    """A model whose name is markup, with a value that is not finite, a failed run and one that is still to be done."""
    folder = tmp_path_factory.mktemp("unfinished")
    models = {FULL: {}, BOLD: {}}
    tables = [EXPERIMENT["tables"][0] | {"note": "Of six | subjects.", "published": {}}]
    content = EXPERIMENT | {"models": models, "inference": {}, "reference": None, "tables": tables, "figures": []}
    write_experiment(folder, content)
    for fold in ("fold_1", "fold_2", "fold_3"):
        write_run(folder, run_record(FULL, fold, {"": {}}))
    record = run_record(BOLD, "fold_1", {"": {}})
    record["results"][""]["cases"]["s4"]["val_mean_dice"][0] = None
    write_run(folder, record)
    failed = folder / "runs" / "b" / "fold_2"
    failed.mkdir(parents=True)
    (failed / "failed.json").write_text(json.dumps({"error": "out of memory <here>"}))
    write_report(folder)
    return folder


def test_what_is_written(folder):
    paths = write_report(folder)
    assert [path.relative_to(folder).as_posix() for path in paths] == [
        "report.md", "report.html", "report.csv", *(f"figures/{name}.png" for name in FIGURES),
    ]  # fmt: skip
    assert all(path.stat().st_size > 0 for path in paths)
    assert not list(folder.rglob(".nlseg-*"))


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_pictures(folder, name):
    with Image.open(folder / "figures" / f"{name}.png") as image:
        assert image.format == "PNG" and image.width == 1050
        assert len(image.convert("RGB").getcolors(2**24)) > 50


def test_markdown(folder):
    text = (folder / "report.md").read_text(encoding="utf-8")
    lines = text.splitlines()
    assert lines[0] == "# Two networks" and "Notes: 1. smaller than the paper's \\| by far" in lines
    assert f"| {FULL} | 3 of 3 | 4 | 80 | 5 | 1.250 | 2.0 to 3.0 | 1 | cpu | last |" in lines
    for point in (
        "- **weights**: the last epoch's weights are evaluated",
        "- **protocol**: k-fold, 3 folds, by case",
        "- **cases**: 6, of which 6 are tested in the runs here; per run: training 4, test 2",
        "- **seed**: training 0, split of the cases 0",
        "- **training time of all runs**: 15.0 min",
        "- **machine**: a processor, 2 cores, 8.0 GB, no GPU",
        "- **software**: torch 2.8.0, monai 1.6.1",
    ):
        assert point in lines
    found = filled_table(read_results(folder), read_results(folder).experiment.tables[0], f"{FULL}, step 8")
    csf, average = (found.cells[f"{FULL}, step 8"][name] for name in ("CSF", "average"))
    row = lines.index("|  |  | CSF | average |") + 2
    assert lines[row : row + 3] == [
        f"| {FULL}, step 8 | here | {csf.mean:.2f}\u00a0±\u00a0{csf.std:.2f} (6) "
        f"| {average.mean:.2f}\u00a0±\u00a0{average.std:.2f} (6) |",
        "|  | published | 95.30\u00a0±\u00a00.74 | 92.92 |",
        f"|  | difference | −{95.30 - csf.mean:.2f} | +{average.mean - 92.92:.2f} |",
    ]
    assert "| Model of others | published | 90.00\u00a0±\u00a01.00 | – |" in lines
    tests = found.cells[f"{PLAIN}, step 8"]["average"].tests
    assert tests["t_p_holm"] < 0.05 < tests["wilcoxon_p_holm"]
    assert (
        f"| {PLAIN}, step 8 | average | 6 | −{-tests['mean_difference']:.2f} | \\< 0.001 | {tests['t_p_holm']:.3f} \\* "
        f"| {tests['wilcoxon_p']:.3f} | {tests['wilcoxon_p_holm']:.3f} |" in lines
    )
    line = "- Budget: 80 iterations (4 epochs, batch 5), 2.0 to 3.0 minutes per run, threads: 1, device: cpu;"
    assert text.count(line) == 2
    assert "| 1,821,124 |" in text and "the metric is of the test part, which chose nothing" in text
    assert "not finished" not in text


def test_what_the_command_set_is_named_before_any_number(folder, tmp_path):
    assert "The command set" not in (folder / "report.md").read_text(encoding="utf-8")
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    record = json.loads((copy / "experiment.json").read_text()) | {"overrides": {"epochs": 2, "roi_size": [8, 8]}}
    (copy / "experiment.json").write_text(json.dumps(record))
    write_report(copy)
    text = (copy / "report.md").read_text(encoding="utf-8")
    message = "**The command set epochs=2, roi\\_size=\\[8, 8\\] for all models"
    assert 0 < text.index(message) < text.index("## Budget")


def test_links_of_markdown_are_relative_and_there(folder):
    links = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", (folder / "report.md").read_text(encoding="utf-8"))
    assert links == [f"figures/{name}.png" for name in FIGURES] and all((folder / link).is_file() for link in links)


@pytest.mark.parametrize(("name", "count"), [("folder", 210), ("unfinished", 42)])
def test_markdown_and_html_say_the_same(name, count, request):
    """Whatever the names hold: what GitHub makes of the Markdown has the cells of the page."""
    folder = request.getfixturevalue(name)
    rendered = MarkdownIt().enable("table").render((folder / "report.md").read_text(encoding="utf-8"))
    found, page = Page(rendered), Page((folder / "report.html").read_text(encoding="utf-8"))
    assert found.cells == page.cells and len(page.cells) == count
    expected = [tag for tag, _ in page.tags if tag in ("h1", "h2", "h3", "li", "img", "tr")]
    assert [tag for tag, _ in found.tags if tag in ("h1", "h2", "h3", "li", "img", "tr")] == expected


def test_html(folder):
    text = (folder / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    tags = [tag for tag, _ in page.tags]
    assert tags.count("img") == len(FIGURES) and not {"script", "link", "iframe", "a"} & set(tags)
    for name, image in zip(FIGURES, (attributes for tag, attributes in page.tags if tag == "img")):
        data = image["src"].removeprefix("data:image/png;base64,")
        assert base64.b64decode(data) == (folder / "figures" / f"{name}.png").read_bytes() and image["alt"]
    policy = next(attributes["content"] for tag, attributes in page.tags if "http-equiv" in attributes)
    style = text.split("<style>")[1].split("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:;")
    assert " style=" not in text and "prefers-color-scheme: dark" in style
    markdown = (folder / "report.md").read_text(encoding="utf-8")
    for cell in ("95.30\u00a0±\u00a00.74", "1,821,124", "3 of 3"):
        assert cell in page.cells and cell in markdown


def test_markup_in_names_is_text(unfinished):
    text = (unfinished / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert BOLD in page.cells and BOLD not in text and "<here>" not in text
    assert "&lt;b&gt;|*" in text and "failed: out of memory &lt;here&gt;" in text


def test_csv(folder):
    with (folder / "report.csv").open(newline="", encoding="utf-8") as file:
        rows = {(row["table"], row["row"], row["column"]): row for row in csv.DictReader(file)}
    assert len(rows) == 5 * 2 + 5 * 4 and tuple(next(iter(rows.values()))) == COLUMNS
    results = read_results(folder)
    for table in results.experiment.tables:
        found = filled_table(results, table, f"{FULL}, step 8")
        for row, cells in found.cells.items():
            for column, cell in cells.items():
                line = rows[table.title, row, column]
                expected = [cell.n, cell.left_out, cell.mean, cell.std, *(cell.ci95 or (None, None)), *cell.published]
                expected += [cell.difference, *((cell.tests or {}).get(key) for key in COLUMNS[13:17])]
                names = (*COLUMNS[3:12], *COLUMNS[13:17])
                assert [line[name] for name in names] == ["" if each is None else str(each) for each in expected]
                assert line["reference"] == (f"{FULL}, step 8" if cell.tests else "")
                assert (line["iterations"], line["training_minutes"]) == (
                    ("", "") if row in found.alone else ("80.0", "2.5")
                )


def test_an_experiment_that_is_not_finished(unfinished):
    text = (unfinished / "report.md").read_text(encoding="utf-8")
    assert "**This experiment is not finished: \\<b\\>\\|\\* 1 of 3 folds.**" in text
    assert "- **\\<b\\>\\|\\*, fold\\_2**: failed: out of memory \\<here\\>" in text
    assert "- **\\<b\\>\\|\\***: not run: fold\\_3" in text
    # Two values of the cell are of s4, of which one channel has none.
    for column in ("CSF", "average"):
        assert f"- \\<b\\>\\|\\*, {column}: 1 value missing or not finite, left out of the mean and the tests." in text
    assert "- Of six \\| subjects." in text


def test_an_experiment_without_any_run(tmp_path):
    paths = write_report(write_experiment(tmp_path))
    # What is published has a point.
    assert [path.name for path in paths] == ["report.md", "report.html", "report.csv", "scatter_2.png"]
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "**This experiment has no run that is done.**" in text
    assert f"| {PLAIN}, step 8 | here | not run | not run |" in text
    assert "|  | published | 95.30\u00a0±\u00a00.74 | 92.92 |" in text


def test_another_reference(folder, tmp_path):
    write_report(write_all(tmp_path), reference=f"{PLAIN}, step 16")
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert f"Each row minus {PLAIN}, step 16, paired by case" in text and f"| {FULL}, step 8 | CSF | 6 | +" in text
    with pytest.raises(ValueError, match="reference 'Model9' is not a row of the experiment: choose from Non-local"):
        write_report(tmp_path, reference="Model9")


def test_weights_chosen_on_a_validation_part(tmp_path):
    write_experiment(tmp_path, EXPERIMENT | {"protocol": {"kind": "k-fold", "folds": 3, "validation": 0.25}})
    record = run_record(FULL, "fold_1")
    record["parts"] |= {"training": ["s2", "s3", "s5"], "validation": ["s6"]}
    write_run(tmp_path, record | {"weights": "best"}, slices=False)
    write_report(tmp_path)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "- **weights**: the weights that were best on a validation part are evaluated" in text
    assert "25 % of the training part held out to choose the weights" in text
    assert "the metric is of a validation part of the training cases, by which the weights were chosen" in text


def test_damaged_records_are_named_before_anything_is_written(tmp_path):
    write_all(tmp_path)
    (tmp_path / "runs" / "cc-3d-fcn" / "fold_1" / "run.json").write_text("{")
    with pytest.raises(ValueError, match="run.json' cannot be read as JSON"):
        write_report(tmp_path)
    assert not (tmp_path / "report.md").exists() and not (tmp_path / "figures").exists()


def test_without_matplotlib(tmp_path, monkeypatch):
    monkeypatch.setattr("monai_nlseg.experiments.report.style.optional_import", lambda *_, **__: (None, False))
    with pytest.raises(ValueError, match="need matplotlib, which is missing: pip install 'monai-nlseg.evaluate"):
        write_report(write_all(tmp_path))
