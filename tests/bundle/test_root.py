from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from monai.bundle import ConfigParser, ConfigWorkflow, create_workflow

from monai_nlseg.bundle import bundle_root
from monai_nlseg.errors import sentence

pytestmark = pytest.mark.filterwarnings("ignore:parsing config_file:UserWarning")
CONFIG = {
    "imports": ["$from monai_nlseg.bundle import bundle_root"],
    "bundle_root": "$bundle_root()",
    "found": [],
    "initialize": ["$@found.append(@bundle_root)"],
    "run": ["$@found.append(@bundle_root)"],
}


def make_bundle(root: Path, **changes: object) -> Path:
    (root / "configs").mkdir(parents=True)
    (root / "configs" / "metadata.json").write_text("{}")
    (root / "configs" / "inference.json").write_text(json.dumps(CONFIG | changes))
    return root


def found(config_file: str | Path | list[str], **options: object) -> str:
    workflow = create_workflow(config_file=config_file, logging_file=False, **options)
    workflow.run()
    first, again = workflow.parser.get_parsed_content("found")
    assert first == again
    return first


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A bundle, another one, and a folder that is none, which is the current one."""
    bundle, other = make_bundle(tmp_path / "bundle"), make_bundle(tmp_path / "other")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return bundle, other, tmp_path / "elsewhere"


@pytest.mark.parametrize("here", ["bundle", "bundle/configs", ".", "other", "other/configs", "elsewhere"])
@pytest.mark.parametrize("relative", [True, False])
def test_the_bundle_is_the_one_of_the_config_file(places, tmp_path, monkeypatch, here, relative):
    monkeypatch.chdir(tmp_path / here)
    file = places[0] / "configs" / "inference.json"
    assert found(os.path.relpath(file) if relative else str(file)) == str(places[0])


def test_the_first_of_several_files_counts(places):
    files = [str(place / "configs" / "inference.json") for place in places[:2]]
    assert found(files) == str(places[0])
    assert found(files[::-1]) == str(places[1])


def test_an_override_wins(places):
    assert found(str(places[0] / "configs" / "inference.json"), bundle_root="/anywhere") == "/anywhere"


def test_a_config_that_is_no_bundles_runs_in_the_current_folder(places, tmp_path, monkeypatch):
    """A file in another folder of the bundle is still the bundle's."""
    (places[2] / "mine.json").write_text(json.dumps(CONFIG))
    monkeypatch.chdir(places[1])
    assert found(str(places[2] / "mine.json")) == str(places[1])
    (places[0] / "mine").mkdir()
    for folder in (places[0], places[0] / "mine"):
        (folder / "mine.json").write_text(json.dumps(CONFIG))
        assert found(str(folder / "mine.json")) == str(places[0])


def test_a_linked_folder_of_configs_is_of_the_bundle_that_links_it(places, tmp_path):
    """As are the files of a download that are links into a cache."""
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / "configs").symlink_to(places[0] / "configs")
    assert found(str(tmp_path / "linked" / "configs" / "inference.json")) == str(tmp_path / "linked")


def test_a_later_change_of_the_folder_does_no_harm(places, monkeypatch):
    monkeypatch.chdir(places[0])
    workflow = ConfigWorkflow("configs/inference.json", logging_file=False)
    workflow.initialize()
    monkeypatch.chdir(places[1])
    workflow.run()
    assert workflow.parser.get_parsed_content("found") == [str(places[0])] * 2


def test_a_parser_alone_takes_the_current_folder(places, monkeypatch):
    parser = ConfigParser(CONFIG)
    with pytest.raises(RuntimeError) as error:
        parser.get_parsed_content("bundle_root")
    assert sentence(error.value).startswith("the config lies in no bundle, and the current folder is none: give --bun")
    monkeypatch.chdir(places[1])
    assert parser.get_parsed_content("bundle_root", lazy=False) == str(places[1])
    assert bundle_root() == str(places[1])


def test_another_bundle_inside_an_expression_has_its_own_root(places, monkeypatch):
    """Through a workflow of its own, or a parser, which is not the outer workflow's."""
    monkeypatch.chdir(places[1])
    own = str(places[1] / "configs" / "inference.json")
    outer = make_bundle(
        places[2] / "outer",
        imports=[
            *CONFIG["imports"],
            *(f"$from {__name__} import {name}" for name in ("CONFIG", "ConfigParser", "found")),
        ],
        initialize=[
            "$@found.append(@bundle_root)",
            f"$@found.append(found({own!r}))",
            "$@found.append(ConfigParser(CONFIG).get_parsed_content('bundle_root'))",
        ],
    )
    workflow = create_workflow(config_file=str(outer / "configs" / "inference.json"), logging_file=False)
    assert workflow.parser.get_parsed_content("found") == [str(outer), str(places[1]), str(places[1])]
