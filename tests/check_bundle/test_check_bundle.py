"""Tests of the findings in complete bundles, and in bundles that are broken in one place."""

from __future__ import annotations

import json
import re

import pytest
import torch
from typer.testing import CliRunner

from monai_nlseg.bundle import find_bundle, shipped_names
from monai_nlseg.check_bundle import Status, check_bundle
from monai_nlseg.cli import app
from tests.check_bundle.tiny import INFERENCE, METADATA, TENSOR, TRAIN, changed, tiny_bundle, write

WITHOUT_WEIGHTS = ("nerve_ultrasound_efficientunet_segmentation", "nerve_ultrasound_region_aware_segmentation")


def found(root, *statuses):
    """Return the messages of the findings with a status, by check."""
    result: dict[str, list[str]] = {}
    for finding in check_bundle(root):
        if finding.status in statuses:
            assert bool(finding.remedy) == (finding.status != Status.PASSED), finding
            result.setdefault(finding.check, []).append(finding.message)
    return result


def failures(root):
    return found(root, Status.FAILED)


def one(messages, check):
    """Return the only message, which is of the given check."""
    assert list(messages) == [check] and len(messages[check]) == 1, messages
    return messages[check][0]


@pytest.fixture
def tiny(tmp_path):
    return tiny_bundle(tmp_path)


@pytest.mark.parametrize("name", shipped_names())
def test_shipped_bundles_pass(name):
    root = find_bundle(name)
    before = sorted(root.rglob("*"))
    findings = check_bundle(name)
    assert not [finding for finding in findings if finding.status == Status.FAILED]
    warnings = {finding.check for finding in findings if finding.status == Status.WARNED}
    # Weights are committed; versions for Python 3.10 are not those installed here.
    assert warnings <= {"Python 3.10", "weights" if name in WITHOUT_WEIGHTS else "sizes"}
    assert sorted(root.rglob("*")) == before


@pytest.mark.parametrize("suffix", [".json", ".yaml"])
def test_another_author_s_bundle_passes(tmp_path, suffix):
    assert found(tiny_bundle(tmp_path, suffix), Status.FAILED, Status.WARNED).keys() <= {"Python 3.10"}


@pytest.mark.parametrize(
    ("name", "check", "message"),
    [
        ("LICENSE", "files", "LICENSE is missing"),
        ("docs/README.md", "files", "docs/README.md is missing"),
        ("models/model.pt", "weights", "models/model.pt is missing"),
    ],
)
def test_a_file_is_missing(tiny, name, check, message):
    (tiny / name).unlink()
    assert one(failures(tiny), check) == message


def test_scripts_without_init(tiny):
    (tiny / "scripts").mkdir()
    assert "scripts/__init__.py is missing" in one(failures(tiny), "files")


def test_no_inference_config(tiny):
    (tiny / "configs" / "inference.json").unlink()
    assert "configs/inference.json or .yaml is missing" in failures(tiny)["files"]


def test_weights_may_be_left_out_where_the_readme_says_so(tiny):
    (tiny / "models" / "model.pt").unlink()
    with (tiny / "docs" / "README.md").open("a") as file:
        file.write("\nNo weights are shipped.")
    assert not failures(tiny)
    assert "ships no weights" in found(tiny, Status.WARNED)["weights"][0]


@pytest.mark.parametrize(
    ("name", "megabytes", "status", "limit"),
    [
        ("models/extra.pt", 2, Status.WARNED, "1024 KB"),
        ("models/extra.pt", 26, Status.WARNED, "25 MB"),
        ("docs/extra.bin", 2, Status.WARNED, "1024 KB"),
        ("docs/extra.bin", 26, Status.FAILED, "25 MB"),
    ],
)
def test_a_large_file(tiny, name, megabytes, status, limit):
    with (tiny / name).open("wb") as file:
        file.truncate(megabytes * 1024 * 1024)
    assert limit in found(tiny, status)["sizes"][0]
    (tiny / "large_files.yml").write_text(_listed(name, hash_val="0" * 64))
    assert "sizes" not in found(tiny, status)


def _listed(path, **changes):
    entry = {"path": path, "url": "https://example.org/x", "hash_val": "0" * 64, "hash_type": "sha256"} | changes
    return json.dumps({"large_files": [entry]})


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (_listed("models/model.pt"), "the sha256 of models/model.pt is .*, not the one listed"),
        (_listed("models/model.pt", hash_type="crc"), "no hash_val with a hash_type"),
        (_listed("models/model.pt", url=""), "has no url"),
        (_listed("../model.pt"), "leads out of the bundle"),
        ("{}", "holds no list large_files"),
    ],
)
def test_large_files_that_are_wrong(tiny, entry, message):
    (tiny / "large_files.json").write_text(entry)
    messages = failures(tiny)
    assert any(re.search(message, text) for text in sum(messages.values(), []))


def test_weights_that_are_listed_have_to_be_downloaded_first(tiny):
    (tiny / "models" / "model.pt").unlink()
    (tiny / "large_files.yml").write_text(_listed("models/model.pt"))
    assert not failures(tiny)
    warnings = found(tiny, Status.WARNED)
    assert "listed in large_files" in warnings["weights"][0] and "is not here" in warnings["large files"][0]


def test_json_of_another_indentation_is_a_warning(tiny):
    (tiny / "configs" / "train.json").write_text(json.dumps(TRAIN, indent=2))
    assert found(tiny, Status.WARNED)["JSON"] == ["train.json is not indented by 4"]


@pytest.mark.parametrize(
    ("metadata", "check", "message"),
    [
        (changed(METADATA, "task"), "metadata", "'task' is a required property"),
        (changed(METADATA, "supported_apps", []), "metadata", "supported_apps: [] is not of type 'object'"),
        (changed(METADATA, "version", "2.0.0"), "changelog", "version 2.0.0 is not in the changelog"),
        (METADATA | {"version": "1.x", "changelog": {"1.x": ""}}, "changelog", "'1.x' is not of the form 1.0.0"),
        (
            changed(METADATA, "network_data_format#inputs", {"img": TENSOR}),
            "shapes",
            "the metadata have no network_data_format with inputs 'image'",
        ),
        (changed(METADATA, "numpy_version", "new"), "versions", "numpy_version pins numpy to 'new', which is not"),
        (
            changed(METADATA, "required_packages_version#numpy", "2.2.6"),
            "versions",
            "numpy is 1.26.4 in numpy_version, but 2.2.6 in required_packages_version",
        ),
        (changed(METADATA, "pytorch_version", "1.13.1"), "versions", "monai 1.6.1 requires torch>=2.8.0, but torch"),
        (
            changed(METADATA, "network_data_format#outputs#pred#spatial_shape", ["4*n", "4*n"]),
            "shapes",
            "the output of an image of 8x8 is 8x8, but 4x4 is declared",
        ),
        (
            changed(METADATA, "network_data_format#inputs#image#spatial_shape", ["3*n", "3*n"]),
            "shapes",
            "an image of 3x3 is declared, but fails",
        ),
        (
            changed(METADATA, "network_data_format#outputs#pred#num_channels", 3),
            "shapes",
            "an image of 8x8 is declared, but fails (output channel number `2` doesn't match: `3`",
        ),
    ],
)
def test_metadata_that_are_wrong(tiny, metadata, check, message):
    write(tiny, "metadata", metadata)
    assert any(message in text for text in failures(tiny)[check])


def test_a_version_that_python_3_10_cannot_have(tiny, monkeypatch):
    class Installed:
        version = "5.4.2"
        requires = None

        class metadata:
            json = {"requires_python": ">=3.12"}

    from monai_nlseg.check_bundle import versions

    monkeypatch.setattr(versions.metadata, "distribution", lambda name: Installed())
    assert one(failures(tiny), "Python 3.10") == "nibabel 5.4.2 needs Python >=3.12"


@pytest.mark.parametrize("name", ["metadata", "inference", "train"])
@pytest.mark.parametrize("text", ["{", "[1]"])
def test_a_damaged_file_is_one_failure(tiny, name, text):
    (tiny / "configs" / f"{name}.json").write_text(text)
    message = sum(failures(tiny).values(), [])
    assert len(message) == 1 and message[0].startswith(f"'configs/{name}.json' ")


def test_a_wrong_size_is_said_once_with_what_to_declare(tiny):
    write(tiny, "metadata", changed(METADATA, "network_data_format#outputs#pred#num_channels", 3))
    (finding,) = [finding for finding in check_bundle(tiny) if finding.status == Status.FAILED]
    assert "output channel number `2` doesn't match: `3`" in finding.message and "num_channels" in finding.remedy


def test_requirements_that_are_damaged(tiny):
    write(tiny, "metadata", METADATA | {"input_requirements": {"spacing": [1, 2]}})
    assert "'spacing' is not a requirement" in one(failures(tiny), "nlseg infer")


def test_names_of_other_channels_than_the_network_has(tiny):
    write(tiny, "metadata", changed(METADATA, "network_data_format#outputs#pred#channel_def#2", "ring"))
    assert "pred has 2 channels, but its channel_def names 3" in found(tiny, Status.WARNED)["MONAI Label"]


@pytest.mark.parametrize(
    ("name", "config", "check", "message"),
    [
        ("inference", changed(INFERENCE, "dataset_dir"), "config ids", "inference.json has no dataset_dir"),
        ("train", changed(TRAIN, "train#inferer"), "config ids", "train.json has no train#inferer"),
        ("inference", changed(INFERENCE, "evaluator#key_val_metric", "@metric"), "overlays", "refers to metric"),
        ("evaluate", {"run": ["$@validate#evaluators.run()"]}, "overlays", "refers to validate#evaluators"),
        ("inference", changed(INFERENCE, "postprocessing"), "MONAI Label", "no postprocessing or post_transforms"),
        (
            "inference",
            changed(INFERENCE, "preprocessing#transforms#0#keys", "img"),
            "nlseg infer",
            "the preprocessing of tiny_segmentation has no LoadImaged of the key 'image'",
        ),
    ],
)
def test_configs_that_are_wrong(tiny, name, config, check, message):
    write(tiny, name, config)
    assert any(message in text for text in failures(tiny)[check])


def test_an_optional_property_under_another_id(tiny):
    config = changed(changed(INFERENCE, "evaluator#val_handlers", "@my_handlers"), "my_handlers", INFERENCE["handlers"])
    write(tiny, "inference", changed(config, "handlers"))
    assert "handlers under another id" in one(failures(tiny), "config ids")


def test_a_config_that_needs_data_to_be_built_is_a_warning(tiny):
    write(tiny, "inference", changed(INFERENCE, "datalist", "$[open(@dataset_dir + '/list.txt').read()]"))
    assert not failures(tiny)
    assert "inference.json cannot be checked without data" in found(tiny, Status.WARNED)["config ids"][0]


def test_a_network_without_torchscript_has_to_be_stated(tiny):
    write(tiny, "inference", changed(INFERENCE, "network_def", {"_target_": "tests.check_bundle.unscriptable.Network"}))
    torch.save({"layer.weight": torch.zeros(2, 1, 1, 1), "layer.bias": torch.zeros(2)}, tiny / "models" / "model.pt")
    assert "cannot be scripted" in one(failures(tiny), "TorchScript")
    with (tiny / "docs" / "README.md").open("a") as file:
        file.write("\nTorchScript is not supported.\n")
    assert not failures(tiny)


def test_weights_of_another_network(tiny):
    torch.save({"a": torch.zeros(1)}, tiny / "models" / "model.pt")
    assert "nlseg infer" in failures(tiny)


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        ("# Model Overview\n\n```sh\n# Data\n```\n", "no section Data, Training configuration"),
        ("## Data\n\n# Model Overview\n", "sections come as Data, Model Overview"),
    ],
)
def test_sections_of_the_readme(tiny, sections, message):
    (tiny / "docs" / "README.md").write_text(sections)
    assert any(message in text for text in found(tiny, Status.WARNED)["README"])


def test_what_monai_label_shows_worse(tmp_path):
    root = tiny_bundle(tmp_path, name="tiny")
    write(root, "metadata", changed(METADATA, "network_data_format#outputs#pred#channel_def"))
    steps = INFERENCE["postprocessing"]["transforms"]
    write(root, "inference", changed(INFERENCE, "postprocessing#transforms", steps[1:]))
    messages = " ".join(found(root, Status.WARNED)["MONAI Label"])
    assert "has none of deepedit" in messages and "channel_def" in messages and "Resized in preprocessing" in messages


def test_training_ids_of_monai_label(tiny):
    write(tiny, "train", changed(TRAIN, "validate"))
    assert "validate#dataset#data" in found(tiny, Status.WARNED)["MONAI Label training"][0]


def test_what_configs_write_stays_out_of_the_bundle(tiny):
    write(tiny, "inference", changed(INFERENCE, "initialize", ["$open(@bundle_root + '/written', 'w').write('x')"]))
    assert not failures(tiny) and not (tiny / "written").exists()


def test_command(tiny):
    runner = CliRunner()
    result = runner.invoke(app, ["check-bundle", str(tiny)])
    assert result.exit_code == 0 and "tiny_segmentation: " in result.output and ", 0 failed" in result.output
    assert result.output.count("is not trusted yet") == 1
    (tiny / "LICENSE").unlink()
    result = runner.invoke(app, ["check-bundle", str(tiny)])
    assert result.exit_code == 3
    assert "failed  files: LICENSE is missing. Add the bundle's licence under exactly this name." in result.output


def test_command_of_no_bundle(tmp_path):
    with pytest.raises(ValueError, match="is not a bundle"):
        CliRunner().invoke(app, ["check-bundle", str(tmp_path)], catch_exceptions=False)
