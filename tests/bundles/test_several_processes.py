"""Which handlers of a bundle run in which process of a training or an evaluation."""

from __future__ import annotations

import pytest
import torch.distributed as dist
from monai.bundle import ConfigParser

from monai_nlseg.bundle import find_bundle, shipped_names

pytestmark = pytest.mark.filterwarnings("ignore:parsing config_file:UserWarning")


def parser_of(name: str, configs: list[str]) -> ConfigParser:
    """Return a bundle's configs with each handler replaced by the name of its class."""
    parser = ConfigParser()
    parser.read_config([str(find_bundle(name) / "configs" / f"{config}.json") for config in configs])
    for at in ("train#checkpoints", "validate#metric_log"):
        if at in parser:
            parser[at] = class_name(parser[at])
    for at in ("train#handlers", "train#main_handlers", "train#state_handlers", "validate#handlers"):
        parser[at] = [entry if isinstance(entry, str) else class_name(entry) for entry in parser[at]]
    return parser


def class_name(component: dict) -> str:
    return component["_target_"].rpartition(".")[2]


@pytest.mark.parametrize("name", shipped_names())
@pytest.mark.parametrize("rank", [0, 1])
def test_only_the_first_process_writes_and_logs(name, rank, monkeypatch):
    monkeypatch.setattr(dist, "get_rank", lambda: rank)
    training = parser_of(name, ["train", "multi_gpu_train"])
    attached = training.get_parsed_content("train#trainer#train_handlers")
    every = training.get_parsed_content("train#handlers")
    assert "ExpectedTime" in every and "ValidationHandler" in every
    assert attached == (every if rank else [*every, "StatsHandler", "TensorBoardStatsHandler", "TrainingCurve"])
    training["attached"] = "$[handler for" + training["initialize"][-1].partition(" for")[2]
    loaders = ["CheckpointLoader"] * 2
    assert training.get_parsed_content("attached") == (loaders if rank else [*loaders, "EpochCheckpointSaver"])

    evaluation = parser_of(name, ["train", "evaluate", "multi_gpu_evaluate"])
    attached = evaluation.get_parsed_content("validate#evaluator#val_handlers")
    every = evaluation.get_parsed_content("validate#handlers")
    assert "StatsHandler" in every and "MetricsSaver" in every
    assert attached == [handler for handler in every if handler != "StatsHandler" or not rank]
