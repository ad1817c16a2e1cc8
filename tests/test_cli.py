"""Commands as a user types them: what they print, write and exit with."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

from monai_nlseg import cli
from monai_nlseg.demo import DemoResult
from monai_nlseg.networks.nets import NonLocalUNet

T1 = "brain_t1_nonlocal_unet_segmentation"


def nlseg(*arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "monai_nlseg.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
    )


def nlseg_here(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    """The same in this process, which has loaded MONAI."""
    monkeypatch.setattr("sys.argv", ["nlseg", *map(str, arguments)])
    cli.main()


def code_here(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Return the exit code of a command that is called in this process."""
    with pytest.raises(SystemExit) as end:
        nlseg_here(monkeypatch, *arguments)
    return int(end.value.code or 0)


def last_line(capsys: pytest.CaptureFixture) -> str:
    return capsys.readouterr().err.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "model.pt"
    torch.save(NonLocalUNet(in_channels=1, features=4, norm=("instance", {"affine": True})).state_dict(), path)
    return path


def infer(dataset, output, checkpoint, *options, command=nlseg):
    return command(
        "run", T1, "inference", "--dataset_dir", dataset, "--output_dir", output, "--checkpoint", checkpoint,
        "--network_def#features", 4, "--network_def#upsample_attention", "True", "--roi_size", "[8,8,8]", "--step", 8,
        *options,
    )  # fmt: skip


def save(path: Path, volume: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(volume.astype(np.float32), np.diag([1.0, 2.0, 1.0, 1.0])), path)
    return path


def head(shape=(12, 10, 9)) -> np.ndarray:
    volume = np.zeros(shape)
    volume[2:-2, 2:-2, 2:-2] = np.random.default_rng(0).uniform(50, 100, [size - 4 for size in shape])
    return volume


def test_inference_of_a_folder(tmp_path, checkpoint):
    for name in ("a", "b"):
        save(tmp_path / "scans" / f"{name}.nii.gz", head())
    result = infer(tmp_path / "scans", tmp_path / "out", checkpoint)
    assert result.returncode == 0, result.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a_seg.nii.gz", "b_seg.nii.gz"]
    labels = nib.load(tmp_path / "out" / "a_seg.nii.gz")
    assert labels.shape == (12, 10, 9)
    np.testing.assert_allclose(labels.affine, np.diag([1.0, 2.0, 1.0, 1.0]))


def test_inference_keeps_subfolders(tmp_path, checkpoint, monkeypatch):
    """Scans of one name in several folders must not replace each other."""
    for subject in ("sub-01", "sub-02"):
        save(tmp_path / "scans" / subject / "T1.nii.gz", head())
    here = partial(code_here, monkeypatch)
    assert infer(tmp_path / "scans", tmp_path / "out", checkpoint, command=here) == 0
    written = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.nii*"))
    assert written == ["sub-01/T1_seg.nii.gz", "sub-02/T1_seg.nii.gz"]
    assert infer(tmp_path / "scans" / "sub-01" / "T1.nii.gz", tmp_path / "one", checkpoint, command=here) == 0
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["T1_seg.nii.gz"]


def _nan():
    volume = head()
    volume[5, 5, 5] = np.nan
    return volume


@pytest.mark.parametrize(
    ("volume", "options", "words"),
    [
        (_nan(), (), "a.nii.gz' holds NaN or infinite voxels"),
        (np.zeros((12, 10, 9)), (), "a.nii.gz' of shape [12, 10, 9] is zero everywhere"),
        (np.ones((12, 10)), (), "has shape (12, 10): expected a volume of three axes"),
        (np.ones((12, 10, 9, 2)), (), "expected a volume of three axes and one channel"),
        (head(), ("--roi_size", "[10,8,8]"), "spatial size [10, 8, 8] is not divisible by 4: pad to [12, 8, 8]"),
        (head(), ("--step", "9"), "step 9 does not fit a window of 8"),
        (head(), ("--network_def#in_channels", "2", "--load_pretrain", "False"), "1 channels, the network was built"),
        (head(), ("--stepp", "8"), "'stepp' is not an id"),
        (head(), ("--checkpoint", "nowhere.pt"), "the checkpoint 'nowhere.pt' cannot be opened (No such file"),
        (
            head(),
            ("--network_def#features", "8"),
            "model.pt' do not fit NonLocalUNet (size mismatch for initial.conv.weight: copying a param with shape "
            "[4, 1, 3, 3, 3] from checkpoint, the shape in current model is [8, 1, 3, 3, 3]): give the network_def",
        ),
    ],
)
def test_bad_input_ends_in_one_sentence_and_leaves_nothing(
    tmp_path, checkpoint, volume, options, words, monkeypatch, capsys
):
    save(tmp_path / "scans" / "a.nii.gz", volume)
    given = (tmp_path / "scans", tmp_path / "out", checkpoint, *options)
    assert infer(*given, command=partial(code_here, monkeypatch)) == 2
    printed = capsys.readouterr()
    (line,) = printed.err.splitlines()
    assert line.startswith("error: ") and words in line
    assert "Traceback" not in printed.out and words not in printed.out
    assert not list((tmp_path / "out").glob("*")) if (tmp_path / "out").exists() else True


def test_what_is_no_image_and_what_is_no_bundle(tmp_path, checkpoint, monkeypatch, capsys):
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "a.nii.gz").write_text("no image")
    here = partial(code_here, monkeypatch)
    assert infer(tmp_path / "scans", tmp_path / "out", checkpoint, command=here) == 2
    assert "a.nii.gz' is not a readable NIfTI" in last_line(capsys)
    for command in (("run", tmp_path, "inference"), ("demo", "--bundle", tmp_path, "--output", tmp_path / "demo")):
        assert here(*command) == 2 and "is not a bundle" in last_line(capsys)
    assert not (tmp_path / "demo" / "mni152_t1_seg.nii.gz").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["dataset_dir", "x"], "'dataset_dir' is not an override"),
        (["--dataset_dir"], "'--dataset_dir' has no value"),
        (["--resume", "--epochs=3"], "'--resume' has no value"),
    ],
)
def test_overrides_come_in_pairs(arguments, words):
    with pytest.raises(ValueError, match=words):
        cli.app(["run", T1, "train", *arguments], standalone_mode=False)


def test_overrides_are_literals_but_paths_are_text(monkeypatch):
    given = {}
    monkeypatch.setattr("monai_nlseg.bundle.run_bundle", lambda bundle, configs, overrides: given.update(overrides))
    cli.app(
        [
            "run", T1, "train", "--dataset_dir", "scans#1", "--output_dir=2024", "--ckpt_dir", "[old]", "--checkpoint",
            "1e3", "--initial_weights", "None", "--pattern", "(*)", "--epochs", "3", "--step=-1", "--roi_size", "[8,8]",
            "--validation_cases", "subject-10",
        ],
        standalone_mode=False,
    )  # fmt: skip
    assert given == {
        "dataset_dir": "scans#1", "output_dir": "2024", "ckpt_dir": "[old]", "checkpoint": "1e3",
        "initial_weights": "None", "pattern": "(*)", "epochs": 3, "step": -1, "roi_size": [8, 8],
        "validation_cases": "subject-10",
    }  # fmt: skip


def test_simulate_and_convert(tmp_path, monkeypatch, capsys):
    here = partial(code_here, monkeypatch)
    assert here("simulate", "iseg", "--subjects", 1, "--out", tmp_path / "out", "--anatomies", tmp_path / "none") == 2
    assert "is not a directory" in last_line(capsys)
    assert here("simulate", "iseg", "--subjects", 0, "--out", tmp_path / "out") == 2
    assert here("convert", tmp_path / "a.npz", tmp_path / "a.pt") == 2 and "does not exist" in last_line(capsys)
    assert not (tmp_path / "out").exists() and not (tmp_path / "a.pt").exists()


def test_brackets_are_text_not_markup(monkeypatch, capsys):
    labels, picture = Path("[old]/labels.nii.gz"), Path("[/old]/picture.png")
    monkeypatch.setattr("monai_nlseg.demo.run_demo", lambda *_: DemoResult(labels, picture, {"GM": 0.5}))
    monkeypatch.setattr("monai_nlseg.simulate.simulate_iseg", lambda *_, **__: [labels])
    monkeypatch.setattr("monai_nlseg.bundle.convert.convert_nonlocal_unet", lambda *_: {"variant": "paper"})
    for arguments, words in (
        (["demo"], [f"label map: {labels}", f"picture:   {picture}"]),
        (["simulate", "iseg", "--subjects", "1", "--out", "[/old]"], ["1 subjects in [/old]"]),
        (["convert", "a.npz", "[old].pt"], ["wrote [old].pt: variant paper"]),
    ):
        cli.app(arguments, standalone_mode=False)
        printed = capsys.readouterr().out.splitlines()
        assert all(word in printed for word in words)


@pytest.mark.parametrize("text", ["missing: pip install 'monai-nlseg[demo]'.", "'[/old]/a.nii' does not exist."])
def test_errors_keep_their_brackets(text, monkeypatch, capsys):
    def fail(*_):
        raise ValueError(text)

    monkeypatch.setattr("monai_nlseg.demo.run_demo", fail)
    monkeypatch.setattr(sys, "argv", ["nlseg", "demo"])
    with pytest.raises(SystemExit):
        cli.main()
    assert capsys.readouterr().err == f"error: {text}\n"


def test_unknown_command_and_help(monkeypatch, capsys):
    assert code_here(monkeypatch, "nonsense") == 2
    capsys.readouterr()
    assert code_here(monkeypatch, "--help") == 0
    printed = capsys.readouterr().out
    assert all(command in printed for command in ("demo", "run", "convert", "simulate"))
