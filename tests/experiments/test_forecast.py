"""What an experiment will take: probes, finished runs in their place, jobs, disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from monai.networks.nets import BasicUNet

from monai_nlseg.experiments import Cost, Options, forecast_experiment, worker
from monai_nlseg.experiments.forecast import seconds_of_all
from monai_nlseg.experiments.probe import PROBE, probe, scratch_bytes
from monai_nlseg.experiments.run_spec import RunSpec
from monai_nlseg.simulate import simulate_retina
from tests.experiments.one_model import EPOCHS, content, written_runs

COST = Cost(1000, 4000, 40000, EPOCHS, 6, 0.5, 12.0, {"windows": 2.0, "whole": 1.0})
A_RUN = 12.0 + 4 * 2.0 + 4 * 1.0
"""Seconds of a training and of both evaluations of four cases."""


@pytest.fixture(scope="module")
def photographs(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("photographs")
    simulate_retina(folder, 8, "chasedb1", size=(64, 64))
    return folder


@pytest.fixture
def probes(monkeypatch) -> list[RunSpec]:
    """The runs that are probed, all of which cost the same."""
    seen: list[RunSpec] = []

    def run_step(step: str, folder: Path, resources: object) -> None:
        assert step == "probe"
        seen.append(worker.read_spec(folder / worker.SPEC))
        (folder / PROBE).write_text(json.dumps(vars(COST)))

    monkeypatch.setattr("monai_nlseg.experiments.forecast.run_step", run_step)
    return seen


class TestProbe:
    @pytest.fixture(scope="class")
    def probed(self, photographs, tmp_path_factory) -> tuple[Cost, list[str]]:
        """Of a training that is of the first fold, and what lies in its folder afterwards."""
        spec = written_runs(photographs, tmp_path_factory.mktemp("out"))[0]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("monai_nlseg.experiments.probe.SECONDS_A_CASE", 0.01)
            probe(spec)
        files = sorted(path.name for path in spec.path.rglob("*") if path.is_file())
        return Cost(**json.loads((spec.path / PROBE).read_text())), files

    def test_it_knows_the_training(self, probed):
        cost, _ = probed
        assert (cost.epochs, cost.iterations) == (EPOCHS, 2 * EPOCHS)
        assert cost.iteration_seconds > 0

    def test_it_knows_the_network_and_its_optimizer(self, probed):
        cost, _ = probed
        network = BasicUNet(2, 1, 1, features=(2, 2, 2, 2, 2, 2))
        assert cost.parameters == sum(parameter.numel() for parameter in network.parameters())
        assert cost.weights_bytes == sum(tensor.nbytes for tensor in network.state_dict().values())
        # Adam keeps two numbers of each parameter, and a step of each tensor.
        tensors = len(list(network.parameters()))
        assert cost.scratch_bytes == scratch_bytes(cost.weights_bytes, 4 * (2 * cost.parameters + tensors))

    def test_the_training_validates_every_other_epoch_and_after_the_last(self, probed):
        cost, _ = probed
        assert cost.training_seconds > cost.iterations * cost.iteration_seconds

    def test_each_variant_is_timed_without_weights(self, probed):
        cost, files = probed
        assert set(cost.case_seconds) == {"windows", "whole"} and min(cost.case_seconds.values()) > 0
        assert files == [PROBE, worker.SPEC]

    def test_a_training_of_one_iteration(self, photographs, tmp_path):
        changes = {"overrides": content()["overrides"] | {"epochs": 1, "windows_per_epoch": 2}, "inference": {}}
        spec = written_runs(photographs, tmp_path, **changes)[0]
        probe(spec)
        cost = Cost(**json.loads((spec.path / PROBE).read_text()))
        assert (cost.epochs, cost.iterations) == (1, 1) and list(cost.case_seconds) == [""]


class TestForecast:
    def test_nothing_is_written_and_each_model_probed_once(self, photographs, tmp_path, probes):
        models = {"a": {}, "b": {"network_def#features": [4] * 6}}
        measured: list[str] = []
        forecast = forecast_experiment(
            content(models=models), photographs, tmp_path / "out", Options(), measuring=measured.append
        )
        assert not (tmp_path / "out").exists() and not Path(probes[0].folder).exists()
        assert measured == [spec.model for spec in probes] == ["a", "b"]
        assert {spec.fold for spec in probes} == {"fold_1"}
        assert len(forecast.runs) == len(forecast.todo) == 4
        assert forecast.seconds == 4 * A_RUN
        assert forecast.disk_bytes == 4 * 4000 and forecast.peak_bytes == 4 * 4000 + 44000

    @pytest.mark.parametrize(
        ("options", "seconds", "disk", "peak"),
        [
            ({"jobs": 3}, A_RUN, 2 * 4000, 2 * 4000 + 2 * 44000),
            ({"jobs": 1, "weights_kept": False}, 2 * A_RUN, 0, 44000),
            ({"jobs": 2, "weights_kept": False}, A_RUN, 0, 2 * 44000),
        ],
    )
    def test_jobs_and_weights_that_are_kept(self, options, seconds, disk, peak, photographs, tmp_path, probes):
        forecast = forecast_experiment(content(), photographs, tmp_path, Options(**options))
        assert (forecast.seconds, forecast.disk_bytes, forecast.peak_bytes) == (seconds, disk, peak)

    def test_processes_share_the_training(self, photographs, tmp_path, probes):
        forecast = forecast_experiment(content(), photographs, tmp_path, Options(processes=2))
        assert forecast.seconds == 2 * (6.0 + 12.0)

    def test_finished_runs_take_the_place_of_the_probe(self, photographs, tmp_path, probes):
        first, second = written_runs(photographs, tmp_path)
        finish(first, training_seconds=100.0, case_seconds={"windows": 5.0, "whole": 3.0})
        forecast = forecast_experiment(content(), photographs, tmp_path, Options())
        assert not probes and forecast.todo == [second]
        cost = forecast.costs["U-Net"]
        assert (cost.parameters, cost.training_seconds, cost.iteration_seconds) == (500, 100.0, 0.25)
        assert cost.weights_bytes == 8
        assert forecast.seconds == 100.0 + 4 * 5.0 + 4 * 3.0

    def test_of_an_interrupted_run_what_is_left_counts(self, photographs, tmp_path, probes):
        first, second = written_runs(photographs, tmp_path)
        (first.path / "epochs.json").write_text(json.dumps({"total": EPOCHS, "epochs": [{}]}))
        (second.path / "training.json").write_text(json.dumps({"digest": second.digest}))
        (second.path / "weights.pt").write_bytes(b"")
        (second.path / "results").mkdir()
        result = {"digest": second.variant_digest("windows")}
        (second.path / "results" / "windows.json").write_text(json.dumps(result))
        forecast = forecast_experiment(content(), photographs, tmp_path, Options())
        assert forecast.seconds == pytest.approx(12.0 * 2 / 3 + 4 * 3.0 + 4 * 1.0)

    def test_a_probe_that_fails_is_named_and_left_out(self, photographs, tmp_path, monkeypatch):
        monkeypatch.setattr("monai_nlseg.experiments.forecast.run_step", lambda *_: "it does not fit.")
        forecast = forecast_experiment(content(), photographs, tmp_path, Options())
        assert forecast.costs == {"U-Net": "it does not fit."}
        assert forecast.seconds == forecast.disk_bytes == forecast.peak_bytes == 0

    def test_other_settings_are_refused_as_by_a_run(self, photographs, tmp_path, probes):
        written_runs(photographs, tmp_path)
        with pytest.raises(ValueError, match="holds a run of U-Net, fold_1 with other settings"):
            forecast_experiment(content(), photographs, tmp_path, Options(), {"epochs": 9})


@given(st.lists(st.floats(0.1, 1e4), min_size=1, max_size=12), st.integers(1, 5))
def test_jobs_take_no_less_than_their_share_and_no_more_than_one_would(seconds, jobs):
    total = seconds_of_all(seconds, jobs)
    assert max(sum(seconds) / jobs, max(seconds)) <= total * (1 + 1e-9)
    assert total <= (sum(seconds) if jobs == 1 else sum(seconds) / jobs + max(seconds)) * (1 + 1e-9)


def finish(spec: RunSpec, training_seconds: float, case_seconds: dict[str, float]) -> None:
    (spec.path / "weights.pt").write_bytes(b"12345678")
    (spec.path / "training.json").write_text(json.dumps({"digest": spec.digest}))
    results = {
        variant: {
            "digest": spec.variant_digest(variant),
            "case_seconds": dict.fromkeys(spec.parts["test"], case_seconds[variant]),
        }
        for variant in spec.inference
    }
    record = {"parameters": 500, "epochs": EPOCHS, "iterations": 6, "iteration_seconds": 0.25, "results": results}
    (spec.path / "run.json").write_text(json.dumps(record | {"training_seconds": training_seconds}))
