"""Which files of a bundle are code, and that a change of any of them is seen."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from monai_nlseg.bundle import code_digest, code_files, find_bundle, is_shipped, shipped_bundles, shipped_names

CODE = [
    "configs/inference.json",
    "configs/new.txt",
    "scripts/parts.py",
    "scripts/table.csv",
    "scripts/__pycache__/parts.cpython-311.pyc",
    "elsewhere.py",
    ".hidden/part.PY",
    "models/native.so",
    "models/model.ts",
    "models/model.pt2",
    "models/model.onnx",
    "models/object.pkl",
    "more.yaml",
    "no_suffix",
    "linked/part.py",
]
DATA = [
    "models/model.pt",
    "models/checkpoint_epoch=3.pt",
    "models/training_curve.csv",
    "eval/case/case_seg.nii.gz",
    "eval/picture.PNG",
    "eval/events.out.tfevents.1.host",
    "docs/README.md",
    "LICENSE",
    ".git/index",
]


@pytest.fixture
def root(tmp_path) -> Path:
    for name in ("configs/metadata.json", "configs/inference.json", "scripts/parts.py", "models/model.pt"):
        write(tmp_path / "mine" / name, "{}")
    (tmp_path / "outside").mkdir()
    (tmp_path / "mine" / "linked").symlink_to(tmp_path / "outside")
    return tmp_path / "mine"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(("name", "acts"), [*((name, True) for name in CODE), *((name, False) for name in DATA)])
def test_a_new_file_and_a_changed_one(root, name, acts):
    before = code_digest(root)
    write(root / name, "one")
    first = code_digest(root)
    write(root / name, "two")
    assert (first != before, code_digest(root) != first) == (acts, acts)
    assert ((root / name) in code_files(root)) is acts


@pytest.mark.parametrize(
    "text", ["$torch.load(@checkpoint, weights_only=False)", "import pickle", "$torch.jit.load(x)"]
)
def test_weights_count_where_code_may_load_more_than_numbers_of_them(root, text):
    write(root / "configs" / "inference.json", text)
    before = code_digest(root)
    write(root / "models" / "model.pt", "other")
    assert code_digest(root) != before


@pytest.mark.parametrize("text", ["$np.load(x, allow_pickle=True)", "import joblib"])
def test_arrays_count_where_code_may_load_objects_of_them(root, text):
    write(root / "scripts" / "parts.py", text)
    before = code_digest(root)
    write(root / "docs" / "table.npz", "other")
    assert code_digest(root) != before


@pytest.mark.parametrize("text", ["$exec(open('docs/notes.txt').read())", "import runpy", "x = eval (text)"])
def test_all_files_count_where_code_may_run_any(root, text):
    write(root / "configs" / "inference.json", text)
    before = code_digest(root)
    write(root / "docs" / "notes.txt", "other")
    assert code_digest(root) != before


def test_what_configs_include_from_elsewhere(root, tmp_path, monkeypatch):
    """Also by a macro in what is included, an escaped one, and one from the working folder."""
    monkeypatch.chdir(tmp_path)
    names = [tmp_path / name for name in ("first.json", "second.yaml", "third.json")]
    write(names[1], f'x: "%{names[2]}::x"')
    write(names[2], "{}")
    for macro in (f"%{names[0]}::steps", "\\u0025first.json"):
        write(names[0], json.dumps({"steps": f"%{names[1]}"}))
        write(root / "configs" / "inference.json", f'{{"a": [{{"b": "{macro}"}}]}}')
        assert code_files(root)[-3:] == names
        for name in names:
            before = code_digest(root)
            write(name, name.read_text() + " ")
            assert code_digest(root) != before
    write(names[2], json.dumps({"back": f"%{names[0]}"}))
    assert code_files(root)[-3:] == names


def test_a_renamed_file_a_link_out_and_what_cannot_be_read(root, tmp_path):
    before = code_digest(root)
    (root / "scripts" / "parts.py").rename(root / "scripts" / "other.py")
    assert code_digest(root) != before
    write(tmp_path / "far.json", "one")
    (root / "configs" / "far.json").symlink_to(tmp_path / "far.json")
    linked = code_digest(root)
    write(tmp_path / "far.json", "two")
    assert code_digest(root) != linked
    (root / "configs" / "broken.json").symlink_to(tmp_path / "gone")
    (root / "scripts" / "back").symlink_to(root)
    os.mkfifo(root / "configs" / "pipe.json")
    assert len(code_digest(root)) == 64


def test_the_place_of_a_bundle_does_not_matter(root, tmp_path):
    before = code_digest(root)
    assert code_digest(root.rename(tmp_path / "moved")) == before


def test_what_is_shipped(root):
    assert all(is_shipped(find_bundle(name)) for name in shipped_names())
    assert not is_shipped(find_bundle(root))
    assert not is_shipped(shipped_bundles() / ".." / root.name)
