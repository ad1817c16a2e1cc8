"""The commands that the pages show have the options, the configs and the ids that they are given."""

from __future__ import annotations

import ast
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from monai_nlseg.bundle import find_bundle
from monai_nlseg.bundle.find import config_file
from monai_nlseg.bundle.overrides import require_known_ids
from monai_nlseg.cli import app
from monai_nlseg.cli.overrides import overrides_of_options

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "bundles").rglob("README.md"))]
BLOCK = re.compile(r"^```(?:sh|bash)\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)
PYTHON = re.compile(r"^```python\n(.*?)^```", flags=re.MULTILINE | re.DOTALL)
COMMAND = get_command(app)
INLINE = re.compile(r"`(nlseg [^`]+)`")


def commands(page: Path) -> Iterator[list[str]]:
    """Yield the commands of a page's shell blocks, as words; variables that a page sets are replaced."""
    known = {"CONFIGS": str(page.parent.parent / "configs")}
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        # In the bundles' pages the folder of the configs is written without a $.
        text = re.sub(r"(?<!\$)\bCONFIGS/", "$CONFIGS/", block.replace("\\\n", " "))
        for name, value in re.findall(r"^([A-Z]+)=(\S+|\"[^\"]*\")\n", text, flags=re.MULTILINE):
            known[name] = value.strip('"')
        for name, value in reversed(known.items()):  # the later may hold the earlier
            text = re.sub(rf"\${name}\b", value, text)
        for line in re.sub(r"^[A-Z]+=(\S+|\"[^\"]*\")\n", "", text, flags=re.MULTILINE).splitlines():
            words = shlex.split(re.sub(r"(^|\s)#.*", "", line))
            while "&&" in words:
                yield words[: words.index("&&")]
                words = words[words.index("&&") + 1 :]
            if words:
                yield words


def shown(program: str) -> list:
    """Return the commands that have a word like this as parameters of a test."""
    found = ((page, words) for page in PAGES for words in commands(page))
    return [
        pytest.param(words, id=f"{page.relative_to(ROOT).as_posix()}: {' '.join(words)[:80]}")
        for page, words in found
        if any(re.fullmatch(program, word) for word in words)
    ]


def nlseg(words: list[str]) -> tuple[str, set[str], list[str]]:
    """Return the name of a command of nlseg, its options, and what it is given."""
    command, names = COMMAND, []
    while hasattr(command, "commands") and words:
        names.append(words[0])
        assert words[0] in command.commands, f"there is no nlseg {' '.join(names)}"
        command, words = command.commands[words[0]], words[1:]
    return " ".join(names), {name for each in command.params for name in (*each.opts, *each.secondary_opts)}, words


@pytest.mark.parametrize("words", shown(r"(.*/)?nlseg"))
def test_commands_of_nlseg(words):
    start = next(index for index, word in enumerate(words) if word.rpartition("/")[2] == "nlseg")
    name, options, given = nlseg(words[start + 1 :])
    if name == "run":
        known_ids(find_bundle(given[0]), given[1].split(","), given[2:])
        return
    assert {word.partition("=")[0] for word in given if word.startswith("--")} <= options


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_commands_of_nlseg_in_the_text(page):
    for text in INLINE.findall(page.read_text(encoding="utf-8")):
        words = re.findall(r"[\w./-]+", text)[1:]
        if words and words[0] not in ("run", "NAMES"):
            _, options, given = nlseg(words)
            assert {word for word in given if word.startswith("--")} <= options, text


@pytest.mark.parametrize("words", shown(r"monai\.bundle"))
def test_commands_of_monai_bundle(words):
    action, *given = words[words.index("monai.bundle") + 1 :]
    if action != "run":
        return
    files = given[given.index("--config_file") + 1].strip("[]").replace("'", "").split(",")
    rest = given[: given.index("--config_file")] + given[given.index("--config_file") + 2 :]
    folder = (ROOT / files[0]).parent.parent
    known_ids(folder, [Path(file).stem for file in files], [word for word in rest if word != "..."])


def known_ids(root: Path, configs: list[str], options: list[str]) -> None:
    files = [str(config_file(root, name)) for name in configs]
    require_known_ids(files, overrides_of_options([word for word in options if word != "..."]))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_python_is_python_and_imports_what_there_is(page):
    for block in PYTHON.findall(page.read_text(encoding="utf-8")):
        imports = [node for node in ast.parse(block).body if isinstance(node, (ast.Import, ast.ImportFrom))]
        exec(compile(ast.Module(imports, []), str(page), "exec"))


def test_config_ids_of_the_reference():
    """Those of any bundle, of LAEDNet's, and in the rows that name a bundle."""
    page = (ROOT / "docs" / "reference" / "config-ids.md").read_text(encoding="utf-8")
    parts = re.split(
        r"^(?:`ultrasound_laednet_segmentation` also has|The READMEs of the other bundles).*$", page, flags=re.MULTILINE
    )
    rows = re.findall(r"^\| `(\w+_segmentation)` \| (.+) \|", parts[2], flags=re.MULTILINE)
    for bundle, part in zip(("brain_t1_nonlocal_unet_segmentation", "ultrasound_laednet_segmentation"), parts):
        rows += [(bundle, ids) for ids in re.findall(r"^\| (`.+?) \|", part, flags=re.MULTILINE)]
    assert len(rows) > 15
    for bundle, ids in rows:
        files = [find_bundle(bundle) / "configs" / f"{name}.json" for name in ("train", "inference", "evaluate")]
        known = {key for file in files for key in json.loads(file.read_text(encoding="utf-8"))}
        named = re.findall(r"`([a-z_]+)`", re.sub(r"\(.*?\)", "", ids))
        assert named and set(named) <= known, bundle
