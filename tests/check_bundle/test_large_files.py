"""The list of large files of a pull request to the zoo."""

from __future__ import annotations

import hashlib

import pytest
import yaml
from typer.testing import CliRunner

from monai_nlseg.bundle import find_bundle, shipped_names
from monai_nlseg.check_bundle import Status, check_bundle, large_files
from monai_nlseg.cli import app
from tests.check_bundle.tiny import tiny_bundle

URL = "https://example.org/weights"


@pytest.mark.parametrize("name", [name for name in shipped_names() if list(find_bundle(name).glob("models/*.pt"))])
def test_shipped_weights_are_listed_with_their_hashes(name):
    root = find_bundle(name)
    entries = yaml.safe_load(large_files(root, URL))["large_files"]
    assert [entry["path"] for entry in entries] == [f"models/{path.name}" for path in sorted(root.glob("models/*.pt"))]
    for entry in entries:
        assert entry["url"] == f"{URL}/{entry['path'].removeprefix('models/')}"
        assert entry["hash_type"] == "sha256"
        assert entry["hash_val"] == hashlib.sha256((root / entry["path"]).read_bytes()).hexdigest()


def test_the_printed_list_is_what_the_check_accepts(tmp_path):
    root = tiny_bundle(tmp_path)
    with (root / "models" / "large.pt").open("wb") as file:
        file.truncate(2 * 1024 * 1024)
    result = CliRunner().invoke(app, ["check-bundle", str(root), "--large-files", URL])
    assert result.exit_code == 0
    (root / "large_files.yml").write_text(result.output)
    findings = {finding.check: finding.status for finding in check_bundle(root)}
    assert findings["large files"] == findings["sizes"] == Status.PASSED


def test_nothing_is_large(tmp_path):
    with pytest.raises(ValueError, match="no file above 1024 KB"):
        large_files(tiny_bundle(tmp_path), URL)
