"""TensorBoard's files and MLflow's runs of a training, and what happens when MLflow fails."""

from __future__ import annotations

import logging
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from ignite.engine import Engine, Events
from monai.utils import path_to_sqlite_uri

from monai_nlseg.experiments.run_spec import RunSpec
from monai_nlseg.experiments.training import DATABASE, train
from monai_nlseg.simulate import simulate_retina
from monai_nlseg.training.fitting import tracking
from monai_nlseg.training.fitting.tracking import RUN, Tracked, attach_mlflow, require_tracking
from tests.experiments.one_model import EPOCHS, written_runs

TITLE = "Tables 1, 2: with (signs)"


@pytest.fixture(scope="module")
def photographs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("photographs")
    simulate_retina(folder, 8, "chasedb1", size=(64, 64))
    return folder


@pytest.fixture(autouse=True)
def no_server(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for name, value in tracking.TRACKING_ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


def run_of(photographs: Path, output: Path) -> RunSpec:
    return written_runs(photographs, output, title=TITLE)[0]


def tracked(spec: RunSpec) -> Tracked:
    return Tracked(spec.path, spec.path.parents[2] / DATABASE, spec.title, spec.name, {})


class TestRequired:
    def test_an_unknown_name(self):
        with pytest.raises(ValueError, match="tracking 'comet' is unknown: choose tensorboard, mlflow or wandb"):
            require_tracking("comet")

    @pytest.mark.parametrize(("name", "extra"), [("tensorboard", "train"), ("mlflow", "tracking")])
    def test_a_missing_package_is_named_with_what_brings_it(self, monkeypatch, name, extra):
        monkeypatch.setattr(tracking, "find_spec", lambda package: None)
        with pytest.raises(ValueError, match=rf"needs {name}.*: pip install 'monai-nlseg\[{extra}\]'\."):
            require_tracking(name)

    def test_none_needs_nothing(self, monkeypatch):
        monkeypatch.setattr(tracking, "find_spec", lambda package: None)
        require_tracking("")

    def test_a_server_that_is_down(self, monkeypatch):
        monkeypatch.setattr(tracking, "find_spec", lambda package: package)
        with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
            free = server.server_port
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free}")
        with pytest.raises(ValueError, match=f"'http://127.0.0.1:{free}' does not answer"):
            require_tracking("mlflow")

    def test_a_server_that_asks_who_it_is_answers(self, monkeypatch):
        monkeypatch.setattr(tracking, "find_spec", lambda package: package)
        with HTTPServer(("127.0.0.1", 0), Closed) as server:
            thread = threading.Thread(target=server.handle_request)
            thread.start()
            monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{server.server_port}")
            require_tracking("mlflow")
            thread.join()


class Closed(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(401)

    def log_message(self, *_: object) -> None:
        pass


class TestTensorBoard:
    def test_event_files_only_if_asked_for(self, photographs, tmp_path):
        for name, expected in (("tensorboard", True), ("", False)):
            spec = run_of(photographs, tmp_path / f"out{name}")
            train(spec, name)
            assert any(spec.path.rglob("events.out.tfevents*")) is expected
            assert (spec.path / "tensorboard").is_dir() is expected
            assert (spec.path / "training.json").is_file()


class TestFailure:
    def test_mlflow_that_fails_ends_no_training(self, photographs, tmp_path, monkeypatch, caplog):
        class Failing:
            def __init__(self, **_: object) -> None:
                raise ConnectionError("the server is gone")

        monkeypatch.setattr(tracking, "MLFlowHandler", Failing)
        spec = run_of(photographs, tmp_path)
        with caplog.at_level(logging.WARNING):
            train(spec, "mlflow")
        assert (spec.path / "training.json").is_file()
        messages = [record.message for record in caplog.records if "MLflow" in record.message]
        assert messages == ["MLflow records nothing more of U-Net, fold_1: the server is gone"]


class TestMlflow:
    @pytest.fixture(autouse=True)
    def installed(self):
        for package in tracking.NEEDED["mlflow"][0]:
            pytest.importorskip(package)

    def test_a_training_that_is_interrupted_is_one_run(self, photographs, tmp_path, monkeypatch):
        spec = run_of(photographs, tmp_path)

        class Cut(tracking.Average):
            """The mean loss, in a training that is killed in its third epoch."""

            def attach(self, engine: Engine, name: str, *_: object) -> None:
                super().attach(engine, name)
                engine.add_event_handler(Events.EPOCH_STARTED(once=EPOCHS), self.kill)

            def kill(self) -> None:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(tracking, "Average", Cut)
            train(spec, "mlflow")
        client, [run] = runs_of(tmp_path)
        assert run.info.status == "RUNNING"
        assert steps(client, run, "train_loss") == [1, 2]

        train(spec, "mlflow")
        client, [run] = runs_of(tmp_path)
        assert (run.info.status, run.info.run_name) == ("FINISHED", "U-Net, fold_1")
        assert steps(client, run, "train_loss") == [1, 2, 3]
        assert steps(client, run, "val_mean_dice") == [2, 3]
        assert run.data.params["model"] == "U-Net" and run.data.params["seed"] == "0"
        assert run.data.params["epochs"] == str(EPOCHS)
        with (spec.path / "training_curve.csv").open() as file:
            last = file.read().splitlines()[-1].split(",")
        assert run.data.metrics["train_loss"] == pytest.approx(float(last[2]), abs=1e-5)
        assert run.data.metrics["val_mean_dice"] == pytest.approx(float(last[3]), abs=1e-5)

    def test_a_failure_in_the_middle(self, photographs, tmp_path, monkeypatch, caplog):
        spec = run_of(photographs, tmp_path)
        engine = Engine(lambda *_: [{"loss": 1.0}])
        attach_mlflow(tracked(spec), engine, Engine(lambda *_: None))

        def fail(*_: object, **__: object) -> None:
            raise ConnectionError("the server is gone")

        @engine.on(Events.EPOCH_STARTED(once=2))
        def cut() -> None:
            monkeypatch.setattr(tracking.MLFlowHandler, "epoch_completed", fail)

        engine.run([0], max_epochs=4)
        assert engine.state.epoch == 4
        assert sum("the server is gone" in record.message for record in caplog.records) == 1
        client, [run] = runs_of(tmp_path)
        assert steps(client, run, "train_loss") == [1]

    def test_a_run_that_the_server_does_not_know_is_begun_anew(self, photographs, tmp_path):
        spec = run_of(photographs, tmp_path)
        (spec.path / RUN).write_text("0" * 32)
        engine = Engine(lambda *_: [{"loss": 1.0}])
        attach_mlflow(tracked(spec), engine, Engine(lambda *_: None))
        engine.run([0], max_epochs=1)
        _, [run] = runs_of(tmp_path)
        assert (spec.path / RUN).read_text() == run.info.run_id


def runs_of(output: Path):
    import mlflow

    client = mlflow.MlflowClient(path_to_sqlite_uri(output / "mlruns.db"))
    return client, list(client.search_runs([client.get_experiment_by_name(TITLE).experiment_id]))


def steps(client, run, metric: str) -> list[int]:
    return [each.step for each in client.get_metric_history(run.info.run_id, metric)]
