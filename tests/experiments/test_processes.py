"""Several processes that train one network together."""

from __future__ import annotations

import pytest
import torch

from monai_nlseg.experiments.execute import Resources, execute
from monai_nlseg.experiments.run_spec import RunSpec
from monai_nlseg.experiments.runs import make_runs
from monai_nlseg.experiments.schema.read import experiment_of
from tests.experiments.tiny import EPOCHS, ONE, arguments, begun, checkpoint, content, files, read, wait_for, workers

pytestmark = pytest.mark.slow


def planned(output, data, **overrides) -> RunSpec:
    [spec] = make_runs(experiment_of(content(**ONE)), data, output, overrides)
    spec.path.mkdir(parents=True)
    spec.write(spec.path / "spec.json")
    return spec


def test_two_train_and_one_evaluates(whole, photographs, tmp_path):
    spec = planned(tmp_path, photographs)
    assert execute(spec.folder, Resources(1, processes=2)) is None
    run = read(spec.path / "run.json")
    assert (run["processes"], run["epochs"], run["iterations"], run["batch_size"]) == (2, EPOCHS, EPOCHS, 2)
    assert files(spec.path) == files(whole.output / "runs" / "wide" / "fold_1")
    rows = (spec.path / "training_curve.csv").read_text().splitlines()
    assert len(rows) == 1 + EPOCHS and all(not row.endswith(",") for row in rows)
    weights = torch.load(spec.path / "weights.pt", weights_only=True)
    assert not any(name.startswith("module.") for name in weights)


def test_a_fault_is_named_in_one_sentence(photographs, tmp_path):
    spec = planned(tmp_path, photographs, batch_size=50)
    error = execute(spec.folder, Resources(1, processes=2))
    assert error is not None and error.startswith("2 windows or images per epoch and process make no batch of 50")
    assert read(spec.path / "failed.json") == {"error": error}


def test_a_killed_one_is_named_and_the_others_end(photographs, gate, tmp_path):
    spec = planned(tmp_path, photographs)
    killed = []

    def kill_once() -> bool:
        if not killed and checkpoint(spec.path)():
            killed.extend(process for process in workers(spec.path) if "torch.distributed.run" not in process.cmdline())
            killed[-1].kill()
        return False

    error = execute(spec.folder, Resources(1, processes=2), kill_once)
    assert error is not None and error.startswith("the process ended by signal 9")
    assert len(killed) == 2 and not workers(spec.path)
    gate.unlink()
    assert execute(spec.folder, Resources(1, processes=2)) is None
    assert read(spec.path / "run.json")["epochs"] == EPOCHS


@pytest.mark.usefixtures("gate")
def test_all_end_with_the_driver(photographs, tmp_path):
    output = tmp_path / "out"
    run = output / "runs" / "wide" / "fold_1"
    driver = begun(arguments(tmp_path, content(**ONE), photographs, output, "--processes", 2))
    try:
        wait_for(checkpoint(run), lambda: driver.poll() is None)
        assert len(workers(run)) == 3
    finally:
        driver.kill()
        driver.communicate()
    wait_for(lambda: not workers(run), seconds=60)
