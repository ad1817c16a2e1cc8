from __future__ import annotations

import pytest
import torch
from ignite.engine import Engine, Events

from monai_nlseg.handlers import BestModelSaver, EpochCheckpointSaver
from monai_nlseg.handlers.checkpoints import keep_earlier


def test_keep_earlier_never_overwrites(tmp_path):
    model = tmp_path / "model.pt"
    assert keep_earlier(model) is None
    for count in (1, 2, 3):
        model.write_text(str(count))
        assert keep_earlier(model) == tmp_path / f"model_earlier_{count}.pt"
        assert not model.exists()
    assert [(tmp_path / f"model_earlier_{count}.pt").read_text() for count in (1, 2, 3)] == ["1", "2", "3"]


@pytest.fixture
def network():
    return torch.nn.Linear(1, 1, bias=False)


def _validate(saver, network, metrics):
    """Run a validation for each metric, with the metric for the network's weight."""
    validator = Engine(lambda engine, batch: None)
    validator.state.key_metric_name = "dice"
    values = iter(metrics)

    @validator.on(Events.EPOCH_COMPLETED)
    def _metric():
        value = next(values)
        torch.nn.init.constant_(network.weight, value)
        validator.state.metrics["dice"] = value

    saver.attach(validator)
    for _ in metrics:
        validator.run([0])


def _weight(path):
    return torch.load(path, weights_only=True)["weight"].item()


@pytest.mark.parametrize(
    ("metrics", "best"), [([0.25, 0.5, 0.375], 0.5), ([0.0], 0.0), ([float("nan"), 0.25, float("nan")], 0.25)]
)
def test_writes_the_best_weights_and_nothing_else(tmp_path, network, metrics, best):
    model = tmp_path / "models" / "model.pt"
    _validate(BestModelSaver(model, network), network, metrics)
    assert _weight(model) == best
    assert [path.name for path in model.parent.iterdir()] == ["model.pt"]


def test_of_equal_metrics_the_last_counts(tmp_path, network):
    """A validation that has nothing to measure is 0 each time; its first weights have learned least."""
    saver, validator = BestModelSaver(tmp_path / "model.pt", network), Engine(lambda engine, batch: None)
    validator.state.key_metric_name, validator.state.metrics = "dice", {"dice": 0.0}
    for weight in (1.0, 2.0):
        torch.nn.init.constant_(network.weight, weight)
        saver(validator)
    assert _weight(tmp_path / "model.pt") == 2.0


def test_an_earlier_training_keeps_its_weights_until_new_ones_are_there(tmp_path, network, monkeypatch):
    model = tmp_path / "model.pt"
    model.write_text("earlier")
    saver = BestModelSaver(model, network)

    def disk_full(content, file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("torch.save", disk_full)
        with pytest.raises(OSError, match="No space left"):
            _validate(saver, network, [0.25])
    assert model.read_text() == "earlier"
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt"]
    _validate(saver, network, [0.25, 0.5])
    assert (tmp_path / "model_earlier_1.pt").read_text() == "earlier"
    assert _weight(model) == 0.5
    assert len(list(tmp_path.iterdir())) == 2


def test_a_resumed_training_keeps_better_weights(tmp_path, network):
    model = tmp_path / "model.pt"
    saver = BestModelSaver(model, network)
    _validate(saver, network, [0.5])
    resumed = BestModelSaver(model, network)
    resumed.load_state_dict(saver.state_dict())
    _validate(resumed, network, [0.25])
    assert _weight(model) == 0.5
    _validate(resumed, network, [0.75])
    assert _weight(model) == 0.75
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt"]


def test_a_resumed_training_without_its_weights_writes_new_ones(tmp_path, network):
    saver = BestModelSaver(tmp_path / "model.pt", network)
    saver.load_state_dict({"best": 0.5})
    _validate(saver, network, [0.25])
    assert _weight(tmp_path / "model.pt") == 0.25


def _train(folder, network, epochs, interval):
    trainer = Engine(lambda engine, batch: None)
    EpochCheckpointSaver(folder, {"model": network, "trainer": trainer}, interval).attach(trainer)
    trainer.run([0], max_epochs=epochs)


def test_keeps_the_last_two_checkpoints(tmp_path, network):
    _train(tmp_path / "models", network, 7, 2)
    files = sorted((tmp_path / "models").iterdir())
    assert [path.name for path in files] == ["checkpoint_epoch=6.pt", "checkpoint_epoch=7.pt"]
    state = torch.load(files[1], weights_only=True)
    assert set(state) == {"model", "trainer"} and state["trainer"]["iteration"] == 7


def test_an_interrupted_checkpoint_is_none(tmp_path, network, monkeypatch):
    _train(tmp_path, network, 1, 1)
    save = torch.save

    def stopped(content, file):
        save(content, file)
        raise KeyboardInterrupt

    monkeypatch.setattr("torch.save", stopped)
    with pytest.raises(KeyboardInterrupt):
        _train(tmp_path, network, 3, 3)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint_epoch=1.pt"]


def test_a_file_in_the_place_of_the_folder_is_refused_before_the_training(tmp_path):
    (tmp_path / "models").touch()
    with pytest.raises(FileExistsError, match="models"):
        EpochCheckpointSaver(tmp_path / "models", {"model": torch.nn.Linear(1, 1)}, 1)
