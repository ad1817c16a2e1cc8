from __future__ import annotations

import json

import pytest

from monai_nlseg.bundle import Bundle
from monai_nlseg.bundle.identity import software_versions


@pytest.fixture
def bundle(tmp_path):
    root = tmp_path / "tiny"
    for name, content in (
        ("configs/metadata.json", json.dumps({"version": "0.1.0"})),
        ("configs/inference.json", "{}"),
        ("scripts/net.py", "x = 1"),
        ("models/model.pt", "weights"),
        ("docs/README.md", "read"),
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    (tmp_path / "a.pt").write_text("a")
    (tmp_path / "b.pt").write_text("b")
    return root


def identity(bundle, **overrides):
    return Bundle(bundle).identity(overrides)


def test_what_a_record_says_of_it(bundle):
    found = identity(bundle)
    assert found.as_json() == {"name": "tiny", "version": "0.1.0", "weights": found.weights}
    assert found.title == "tiny"
    assert len(found.weights) == 64 == len(found.digest)


@pytest.mark.parametrize(
    ("name", "digest", "weights"),
    [
        ("configs/inference.json", True, False),
        ("configs/new.yaml", True, False),
        ("scripts/net.py", True, False),
        ("models/model.pt", True, True),
        ("docs/README.md", False, False),
        ("scripts/__pycache__/net.pyc", False, False),
        ("configs/.inference.json.swp", False, False),
    ],
)
def test_changes_of_its_files(bundle, name, digest, weights):
    before = identity(bundle)
    (bundle / name).parent.mkdir(exist_ok=True)
    (bundle / name).write_text("changed")
    after = identity(bundle)
    assert (after.digest != before.digest, after.weights != before.weights) == (digest, weights)


def test_the_name_in_the_metadata_is_its_title(bundle):
    (bundle / "configs" / "metadata.json").write_text(json.dumps({"version": "0.1.0", "name": "Tiny things in MR"}))
    assert (identity(bundle).name, identity(bundle).title) == ("tiny", "Tiny things in MR")


def test_weights_in_a_folder_that_overrides_name(bundle, tmp_path):
    plain, before = identity(bundle), identity(bundle, ckpt_dir=str(tmp_path))
    assert before.weights != plain.weights
    (tmp_path / "b.pt").write_text("trained again")
    assert identity(bundle, ckpt_dir=str(tmp_path)).weights != before.weights


def test_where_it_lies_does_not_count(bundle, tmp_path):
    before = identity(bundle)
    (tmp_path / "elsewhere").mkdir()
    assert identity(bundle.rename(tmp_path / "elsewhere" / "tiny")) == before


def test_weights_that_overrides_name(bundle, tmp_path):
    a, b = str(tmp_path / "a.pt"), str(tmp_path / "b.pt")
    assert identity(bundle, x=a, y=b) == identity(bundle, **{"y": b, "x": a})
    assert len({identity(bundle, **given).digest for given in ({}, {"x": a}, {"x": b}, {"x": a, "y": b})}) == 4
    (tmp_path / "b.pt").write_text("changed")
    assert identity(bundle, x=a).digest != identity(bundle, x=b).digest
    assert identity(bundle, step=8, text="$" + "x" * 5000, none=None, other="\0") == identity(bundle)


def test_a_bundle_without_weights(bundle, tmp_path):
    (bundle / "models" / "model.pt").unlink()
    with pytest.raises(ValueError, match="the bundle tiny has no weights in its folder models: train it, or name"):
        identity(bundle)
    assert identity(bundle, checkpoint=str(tmp_path / "a.pt")).weights


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "7", '{"version"', "\x80"])
def test_damaged_metadata(bundle, content):
    (bundle / "configs" / "metadata.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(ValueError, match="metadata.json' (cannot be read|holds a )|metadata of tiny have no version"):
        identity(bundle)


def test_what_is_no_bundle(tmp_path):
    with pytest.raises(ValueError, match="is not a bundle"):
        identity(tmp_path)


def test_versions_of_software():
    found = software_versions()
    assert {"python", "torch", "monai", "numpy"} <= set(found) and all(found.values())
