from __future__ import annotations

import json
import os

import nibabel as nib
import numpy as np
import pytest
import torch

from monai_nlseg.bundle import (
    begin_training,
    epoch_of,
    find,
    find_bundle,
    is_checkpoint,
    latest_checkpoint,
    require_bundle,
    require_cases,
    require_choice,
    require_known_ids,
    require_no_checkpoint,
    require_outside_package,
    require_packages,
    require_readable,
    require_results_apart,
    require_validation_cases,
    run_bundle,
    shipped_bundles,
)
from tests.check_bundle.tiny import INFERENCE, changed, tiny_bundle, write

SHIPPED = "brain_t1_nonlocal_unet_segmentation"


@pytest.fixture
def bundle(tmp_path):
    """A bundle whose one config writes the value of an id to a file."""
    root = tmp_path / "tiny"
    (root / "configs").mkdir(parents=True)
    (root / "configs" / "metadata.json").write_text(json.dumps({"name": "tiny", "version": "0.1.0"}))
    (root / "configs" / "inference.json").write_text(
        json.dumps(
            {
                "bundle_root": ".",
                "text": "a",
                "parts": {"scale": {"gamma": 1}, "list": [{"_target_": "builtins.dict", "b": "a"}]},
                "run": ["$open(@bundle_root + '/out', 'w').write(@text)"],
            }
        )
    )
    (root / "configs" / "fails.json").write_text(
        json.dumps({"bundle_root": ".", "value": "$int('x')", "run": ["$@value"]})
    )
    return root


def test_shipped_bundles_are_found_by_name():
    names = {path.parent.parent.name for path in shipped_bundles().glob("*/configs/metadata.json")}
    assert {"iseg_mri_nonlocal_unet_segmentation", "brain_t1_nonlocal_unet_segmentation"} <= names
    for name in names:
        assert find_bundle(name) == shipped_bundles().resolve() / name


@pytest.mark.parametrize(
    "bundle", ["no-such-bundle", ".", "", f"./{SHIPPED}", f"../{SHIPPED}", f"bundles/../{SHIPPED}"]
)
def test_not_a_bundle(bundle, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="is not a bundle .* give the path"):
        find_bundle(bundle)


def test_a_folder_comes_before_the_shipped_bundle_of_its_name(tmp_path, monkeypatch):
    """A damaged copy is refused; what is no bundle at all, such as results, does not hide the shipped one."""
    monkeypatch.chdir(tmp_path)
    copy = tmp_path / SHIPPED
    copy.mkdir()
    assert find_bundle(SHIPPED) == shipped_bundles().resolve() / SHIPPED
    (copy / "models").mkdir()
    with pytest.raises(ValueError, match="is not a bundle"):
        find_bundle(SHIPPED)
    (copy / "configs").mkdir()
    (copy / "configs" / "metadata.json").touch()
    assert find_bundle(SHIPPED) == copy


def test_latest_checkpoint_counts_by_number(tmp_path):
    with pytest.raises(ValueError, match="nothing|holds no checkpoint"):
        latest_checkpoint(tmp_path)
    for epoch in (2, 10, 9):
        torch.save({"model": {}}, tmp_path / f"checkpoint_epoch={epoch}.pt")
    (tmp_path / "checkpoint_epoch=best.pt").touch()
    assert latest_checkpoint(tmp_path) == str(tmp_path / "checkpoint_epoch=10.pt")
    assert epoch_of(latest_checkpoint(tmp_path)) == 10
    assert [epoch_of(name) for name in ("", "models/model.pt", "checkpoint_epoch=best.pt")] == [0, 0, 0]


def test_choices():
    assert require_choice("size", "S", {"S": 1, "M": 2}) == 1
    with pytest.raises(ValueError, match="size 'L' is unknown: choose S, M"):
        require_choice("size", "L", {"S": 1, "M": 2})


def test_new_training_is_refused_where_checkpoints_lie(tmp_path):
    require_no_checkpoint(tmp_path / "nowhere")
    for name in ("model.pt", "training_curve.csv", "checkpoint_epoch=best.pt"):
        (tmp_path / name).touch()
    require_no_checkpoint(tmp_path)
    for epoch in (2, 10):
        (tmp_path / f"checkpoint_epoch={epoch}.pt").touch()
    with pytest.raises(ValueError, match="checkpoint_epoch=10.pt' is of an earlier training.* --resume True, or give"):
        require_no_checkpoint(tmp_path)


def test_training_on_cases_of_a_server_puts_earlier_checkpoints_aside(tmp_path, monkeypatch):
    cases = [{"image": "a.nii.gz", "label": "b.nii.gz"}]
    begin_training(tmp_path / "nowhere", cases)
    for training in (1, 2):
        (tmp_path / "checkpoint_epoch=5.pt").write_text(str(training))
        (tmp_path / "model.pt").touch()
        with pytest.raises(ValueError, match="is of an earlier training"):
            begin_training(tmp_path, [{"case": "a"} | cases[0]])
        monkeypatch.setenv("RANK", "1")
        begin_training(tmp_path, cases)
        assert (tmp_path / "checkpoint_epoch=5.pt").is_file()
        monkeypatch.delenv("RANK")
        begin_training(tmp_path, cases)
        assert (tmp_path / f"earlier_{training}" / "checkpoint_epoch=5.pt").read_text() == str(training)
        require_no_checkpoint(tmp_path)
        assert (tmp_path / "model.pt").is_file()


def test_training_without_validation_is_refused():
    require_validation_cases([{"image": "a.nii.gz"}])
    require_cases([{"image": "a.nii.gz"}])
    with pytest.raises(ValueError, match="the data list is empty"):
        require_cases([])
    with pytest.raises(ValueError, match="no labelled case is held out for validation.* label three cases"):
        require_validation_cases([])


@pytest.mark.parametrize(
    "overrides",
    [
        {"text": "b"},
        {"text": "@parts#list#0#b", "parts#list#0#b": "b"},
        {"text": "$@parts#list#0['new']", "parts::list::0::new": "b"},
        {"text": "@parts#other", "parts": {"other": "a"}, "parts#other": "b"},
    ],
)
def test_run_bundle_applies_overrides(bundle, overrides):
    run_bundle(bundle, ["inference"], overrides)
    assert (bundle / "out").read_text() == "b"


@pytest.mark.parametrize(
    ("configs", "overrides", "words"),
    [
        (["inferense"], {}, "has no config 'inferense': choose from .*inference"),
        (["inference"], {"txet": "b"}, "'txet' is not an id .*text"),
        (["inference"], {"handlers#0": "b"}, "'handlers#0' is not an id"),
        (["inference"], {"text#0": "b"}, r"'text#0' is not an id of .*: did you mean one of text\?"),
        (["inference"], {"run#1": "b"}, r"'run#1' is not an id of .*: did you mean one of run#0\?"),
        (["inference"], {"parts#lst#0": "b"}, r"did you mean one of parts#list\?"),
        (["inference"], {"parts::scale::gama": 2}, r"did you mean one of parts#scale#gamma\?"),
        (["inference"], {"parts#list#0#new#deeper": 2}, r"did you mean one of parts#list#0#_target_, "),
    ],
)
def test_run_bundle_refuses(bundle, configs, overrides, words):
    with pytest.raises(ValueError, match=words):
        run_bundle(bundle, configs, overrides)
    assert not (bundle / "out").exists()


def test_an_id_that_is_not_defined_is_named(bundle):
    path = bundle / "configs" / "inference.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"text": "@nowhere"}))
    with pytest.raises(ValueError, match="refer to the id 'nowhere', which none of them has"):
        run_bundle(bundle, ["inference"])


def test_run_bundle_passes_on_what_the_bundle_raises(bundle):
    with pytest.raises(RuntimeError) as error:
        run_bundle(bundle, ["fails"])
    assert "invalid literal" in str(error.value.__cause__) or "invalid literal" in str(error.value.__cause__.__cause__)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([1], r"weights.pt' is not a checkpoint of weights, or is damaged: give a .pt file"),
        ({"model": 5}, r"weights.pt' cannot be restored \(.*\): give a checkpoint that fits"),
        ({}, r"weights.pt' do not fit Linear \(missing key \"weight\"\): give the network_def"),
        (torch.nn.Linear(2, 1).state_dict(), r"size mismatch for weight: .* \[1, 2\] from checkpoint, .* \[1, 3\]\)"),
        (torch.nn.Linear(3, 1), r"weights.pt' is not a checkpoint of weights, or is damaged: give a .pt file"),
        (None, r"the checkpoint .*weights.pt' cannot be opened \(No such file or directory\): give the path"),
    ],
)
def test_what_cannot_be_restored_is_named(bundle, tmp_path, content, words):
    path = tmp_path / "weights.pt"
    if content is not None:
        torch.save(content, path)
    (bundle / "configs" / "restore.json").write_text(
        json.dumps(
            {
                "network": {"_target_": "torch.nn.Linear", "in_features": 3, "out_features": 1},
                "loader": {"_target_": "CheckpointLoader", "load_path": str(path), "load_dict": {"model": "@network"}},
                "engine": {"_target_": "ignite.engine.Engine", "process_function": "$print"},
                "run": ["$@loader(@engine)"],
            }
        )
    )
    with pytest.raises(ValueError, match=words):
        run_bundle(bundle, ["restore"])


def test_an_image_that_cannot_be_read_is_named(bundle, tmp_path):
    path = tmp_path / "a.nii.gz"
    nib.save(nib.Nifti1Image(np.random.default_rng(0).integers(0, 99, (8, 9, 10), np.int16), np.eye(4)), path)
    path.write_bytes(path.read_bytes()[:-40])
    (bundle / "configs" / "load.json").write_text(
        json.dumps({"load": {"_target_": "LoadImaged", "keys": "image"}, "run": [f"$@load({{'image': '{path}'}})"]})
    )
    with pytest.raises(ValueError, match=r"a.nii.gz' cannot be read \(.*\): restore the file or leave the case out"):
        run_bundle(bundle, ["load"])


def test_a_file_that_cannot_be_written_is_named(bundle, tmp_path):
    """A folder lies where the mask of the first image goes, a file where the folder of the others goes."""
    (tmp_path / "out" / "0_seg.nii.gz" / "something").mkdir(parents=True)
    (tmp_path / "file").touch()
    image = {"_target_": "monai.data.MetaTensor", "x": "$np.zeros((1, 4, 5, 6), np.uint8)"}
    writer = "monai_nlseg.data.AtomicNibabelWriter"
    save = {"_target_": "SaveImage", "output_postfix": "seg", "separate_folder": False, "writer": writer}
    run = ["$@save(@image)"]
    config = {"imports": ["$import numpy as np"], "image": image, "save": save, "run": run}
    (bundle / "configs" / "save.json").write_text(json.dumps(config))
    for folder, words in (
        ("out", r"0_seg.nii.gz' cannot be written \(IsADirectoryError: .*\): give another path"),
        ("file", r"file.*' cannot be read or written \((Not a directory|File exists)\): give another path"),
    ):
        save["output_dir"] = str(tmp_path / folder)
        (bundle / "configs" / "save.json").write_text(json.dumps(config))
        with pytest.raises(ValueError, match=words):
            run_bundle(bundle, ["save"])


def test_results_are_kept_apart_from_their_images(tmp_path):
    (tmp_path / "a.png").touch()
    for dataset in (tmp_path, tmp_path / "a.png"):
        with pytest.raises(ValueError, match="without an output_postfix would replace the images there"):
            require_results_apart(dataset, tmp_path / "x" / "..", "")
        require_results_apart(dataset, tmp_path, "seg")
        require_results_apart(dataset, tmp_path / "out", "")


def test_a_root_without_a_bundle_is_refused(bundle, tmp_path):
    require_bundle(bundle)
    require_bundle(str(bundle))
    for root in (tmp_path, bundle / "configs", tmp_path / "nowhere"):
        with pytest.raises(ValueError, match=f"bundle_root '{root}' is not a bundle .*: give --bundle_root DIR"):
            require_bundle(root)


def test_nothing_is_written_below_the_package(tmp_path, monkeypatch):
    package = tmp_path / "monai_nlseg"
    (package / "_bundles" / "x").mkdir(parents=True)
    (tmp_path / "link").symlink_to(package)
    monkeypatch.setattr(find, "PACKAGE", package)
    require_outside_package(output_dir=tmp_path / "out", ckpt_dir=f"{package}_bundles/models")
    for place in (package, package / "_bundles" / "x" / "eval", tmp_path / "link" / "eval", package / ".." / package):
        with pytest.raises(ValueError, match=f"ckpt_dir '{place}' lies inside the installed package.* give --ckpt_dir"):
            require_outside_package(output_dir=tmp_path, ckpt_dir=str(place))
    monkeypatch.chdir(package)
    with pytest.raises(ValueError, match="output_dir 'eval' lies inside"):
        require_outside_package(output_dir="eval")


def test_what_is_not_installed_is_named_with_its_extra():
    require_packages("train", ["json"])
    with pytest.raises(ValueError, match=r"no_such_package is not installed.*pip install 'monai-nlseg\[train\]'"):
        require_packages("train", ["json", "no_such_package"])


@pytest.mark.parametrize("damaged", [b"", b"PK\3\4", bytes(range(256)) * 9])
def test_a_damaged_checkpoint_is_passed_over_for_the_one_before(tmp_path, damaged, caplog):
    for epoch in (1, 2):
        torch.save({"model": {"a": torch.zeros(1)}}, tmp_path / f"checkpoint_epoch={epoch}.pt")
    (tmp_path / "checkpoint_epoch=2.pt").write_bytes(damaged)
    assert latest_checkpoint(tmp_path) == str(tmp_path / "checkpoint_epoch=1.pt")
    assert "checkpoint_epoch=2.pt' is damaged: the training goes on without it." in caplog.text
    (tmp_path / "checkpoint_epoch=1.pt").write_bytes(damaged)
    with pytest.raises(ValueError, match="epoch=2.pt' is damaged, and so is each .*: remove them and train without"):
        latest_checkpoint(tmp_path)


def test_what_is_a_checkpoint(tmp_path):
    contents = {"list": [1], "nothing": {}, "pickle": {"model": print}, "good": {"a": torch.zeros(1)}}
    for name, content in contents.items():
        torch.save(content, tmp_path / name)
    (tmp_path / "cut").write_bytes((tmp_path / "good").read_bytes()[:-300])
    (tmp_path / "text").write_text("weights")
    assert [path.name for path in sorted(tmp_path.iterdir()) if is_checkpoint(path)] == ["good"]
    with pytest.raises(FileNotFoundError):
        is_checkpoint(tmp_path / "nowhere")


@pytest.mark.parametrize("value", [0, -1, 1.5, float("nan"), float("inf"), 10**12, "x", [8, 0], [[8], [10**12]]])
def test_overrides_have_bounds(tmp_path, value):
    (tmp_path / "inference.json").write_text(json.dumps({"step": 8, "other": 1, "text": "a"}))
    files = [str(tmp_path / "inference.json")]
    with pytest.raises(ValueError, match="^step is .*: give a whole number from 1 to 65,536.$"):
        require_known_ids(files, {"step": value})
    require_known_ids(files, {"step": "@other", "other": -1.5, "text": "nan"})


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"7", b"\xff", b"[" * 9999, b'{"a": ' + b"9" * 5000 + b"}"])
@pytest.mark.parametrize("suffix", ["json", "yaml"])
def test_a_config_that_cannot_be_read_is_named(tmp_path, content, suffix):
    (tmp_path / f"inference.{suffix}").write_bytes(content)
    with pytest.raises(ValueError, match=f"inference.{suffix}' (cannot be read as|holds a ).*: .*restore it.$"):
        require_readable(tmp_path / f"inference.{suffix}")


def test_a_named_pipe_is_no_checkpoint(tmp_path):
    os.mkfifo(tmp_path / "model.pt")
    with pytest.raises(ValueError, match="is a named pipe, not a regular file"):
        is_checkpoint(tmp_path / "model.pt")


def test_an_image_that_a_loader_of_another_file_cannot_read_is_named(tmp_path):
    root = tiny_bundle(tmp_path)
    write(root, "parts", {"reading": INFERENCE["preprocessing"]})
    macro = f"%{root / 'configs' / 'parts.json'}::reading"
    write(root, "inference", changed(INFERENCE, "preprocessing", macro))
    (tmp_path / "image.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"image.png' cannot be read \(cannot identify image file"):
        run_bundle(root, ["inference"], {"dataset_dir": str(tmp_path)}, logs=False)
