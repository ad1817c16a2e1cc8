"""The folder of an app, and `nlseg label-app`."""

from __future__ import annotations

import json
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from monai_nlseg.bundle import find_bundle, shipped_bundles
from monai_nlseg.cli import app as cli
from monai_nlseg.label import start_command, write_app
from monai_nlseg.label.served import served_bundles
from monai_nlseg.label.write import stored_options

T1 = "brain_t1_nonlocal_unet_segmentation"
LAEDNET = "ultrasound_laednet_segmentation"


def test_all_shipped_bundles_are_served(tmp_path):
    names = write_app(tmp_path / "app")
    shipped = {folder.name for folder in shipped_bundles().iterdir() if (folder / "configs").is_dir()}
    assert set(names) == {*shipped, "ultrasound_laednet_breast"}
    assert set(served_bundles(tmp_path / "app")) == set(names)
    assert "LabelApp" in (tmp_path / "app" / "main.py").read_text()


def test_bundles_are_copied_with_their_weights_only(tmp_path):
    bundle = tmp_path / "mine"
    shutil.copytree(find_bundle(T1), bundle)
    for name in ("models/checkpoint_epoch=3.pt", "models/model_earlier_1.pt", "runs/1/model.pt", "eval/events"):
        (bundle / name).parent.mkdir(parents=True, exist_ok=True)
        (bundle / name).write_bytes(b"of a training")
    assert write_app(tmp_path / "app", [bundle]) == ["mine"]
    copy = tmp_path / "app" / "model" / "mine"
    assert [path.name for path in (copy / "models").iterdir()] == ["model.pt"]
    assert not (copy / "runs").exists() and not (copy / "eval").exists()
    assert (copy / "models" / "model.pt").read_bytes() == (find_bundle(T1) / "models" / "model.pt").read_bytes()


def test_code_and_weights_with_names_as_of_trainings_are_copied(tmp_path):
    bundle = tmp_path / "mine"
    shutil.copytree(find_bundle(T1), bundle)
    names = ("scripts/eval/net.py", "scripts/earlier_net.py", "scripts/runs/net.py", "models/checkpoint_best.pt")
    for name in names:
        (bundle / name).parent.mkdir(parents=True, exist_ok=True)
        (bundle / name).touch()
    write_app(tmp_path / "app", [bundle])
    assert all((tmp_path / "app" / "model" / "mine" / name).is_file() for name in names)


def test_the_second_task_has_its_own_weights(tmp_path):
    write_app(tmp_path / "app", [LAEDNET])
    served = served_bundles(tmp_path / "app")
    assert {name: bundle.weights.name for name, bundle in served.items()} == {
        LAEDNET: "model.pt",
        "ultrasound_laednet_breast": "model_breast.pt",
    }


def test_an_app_is_never_overwritten(tmp_path):
    folder = tmp_path / "app"
    write_app(folder, [T1])
    (folder / "model" / "trained.pt").write_bytes(b"weeks of work")
    with pytest.raises(ValueError, match="exists already"):
        write_app(folder, [T1])
    assert (folder / "model" / "trained.pt").read_bytes() == b"weeks of work"
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(ValueError, match="exists already"):
        write_app(file, [T1])


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "app").mkdir()
    write_app(tmp_path / "app", [T1])
    assert (tmp_path / "app" / "app.json").is_file()


@pytest.mark.parametrize(("bundles", "words"), [(["no_such"], "is not a bundle"), ([T1, T1], "two bundles named")])
def test_refused_without_a_trace(tmp_path, bundles, words):
    with pytest.raises(ValueError, match=words):
        write_app(tmp_path / "app", bundles)
    assert list(tmp_path.iterdir()) == []


def test_the_command_serves_this_machine_only(tmp_path):
    words = shlex.split(start_command(tmp_path / "an app", "http://127.0.0.1:8042/dicom-web", 8123))
    options = dict(zip(words[4::2], words[5::2]))
    assert words[1:4] == ["-m", "monailabel.main", "start_server"]
    assert options == {
        "--app": str(tmp_path / "an app"),
        "--studies": "http://127.0.0.1:8042/dicom-web",
        "--host": "127.0.0.1",
        "--port": "8123",
    }


def test_command_line(tmp_path):
    arguments = ["label-app", "--output", str(tmp_path / "app"), "--bundles", T1, "--studies", str(tmp_path)]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    assert start_command(tmp_path / "app", str(tmp_path)) in result.output
    assert list(json.loads((tmp_path / "app" / "app.json").read_text())["models"]) == [T1]


def test_origins_are_kept_with_the_app(tmp_path):
    options = ["--origins", "https://viewer.example", "--origins", "http://10.0.0.7:3000,https://a.example:443"]
    arguments = ["label-app", "--output", str(tmp_path / "app"), "--bundles", T1, "--host", "0.0.0.0", "--port", "80"]
    result = CliRunner().invoke(cli, [*arguments, *options, "--studies", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "--host 0.0.0.0 --port 80" in result.output
    listed = "https://viewer.example,http://10.0.0.7:3000,https://a.example"
    assert stored_options(tmp_path / "app") == {"origins": listed}
    assert stored_options(tmp_path) == {}
    (tmp_path / "app" / "app.json").write_text('{"models": {}, "options": ["x"]}')
    with pytest.raises(ValueError, match="are not text by name"):
        stored_options(tmp_path / "app")


WRONG = [
    *(("--port", port, "give a number from 1 to 65535") for port in ("0", "-1", "65536", "99999999999999999999")),
    *(("--host", host, "is neither an address nor a name") for host in ("", "a b", "http://x", "::1:80:x", "a\nb")),
    *(("--studies", path, "is empty or has control characters") for path in ("", "a\nb", "a\0b", "a\x1bb")),
    *(("--origins", text, "is not scheme://host") for text in ("viewer.example", "https://viewer.example/x", "null")),
    ("--origins", "*", "would let any web page"),
]


@pytest.mark.parametrize(("option", "value", "words"), WRONG, ids=ascii)
def test_wrong_options_end_in_a_sentence(tmp_path, option, value, words):
    result = CliRunner().invoke(cli, ["label-app", "--output", str(tmp_path / "app"), "--bundles", T1, option, value])
    assert isinstance(result.exception, ValueError) and words in str(result.exception)
    assert "\n" not in str(result.exception) and list(tmp_path.iterdir()) == []


def test_the_command_is_quoted(tmp_path):
    words = shlex.split(start_command(tmp_path / "an app; x", "$(touch x) `y` 'z'"))
    assert words[5:8:2] == [str(tmp_path / "an app; x"), str(Path("$(touch x) `y` 'z'").resolve())]


@pytest.mark.parametrize(("name", "warned"), [(".", False), ("absent", True)])
def test_a_folder_of_images_that_is_not_there(tmp_path, name, warned):
    arguments = ["label-app", "--output", str(tmp_path / "app"), "--bundles", T1, "--studies", str(tmp_path / name)]
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    assert ("check its name or fill it first" in " ".join(result.output.split())) is warned
