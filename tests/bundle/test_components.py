from __future__ import annotations

import pytest
from monai.handlers import StatsHandler, TensorBoardHandler, TensorBoardStatsHandler
from monai.transforms import LoadImaged

from monai_nlseg.bundle import components_of
from monai_nlseg.transforms import FillContourd

CONFIG = {
    "size": 3,
    "train": {
        "handlers": [
            {"_target_": "StatsHandler"},
            {"_target_": "TensorBoardStatsHandler", "log_dir": "$1 / 0"},
            {"_target_": "monai.handlers.TensorBoardStatsHandler"},
            {"_target_": "monai.handlers.tensorboard_handlers.TensorBoardStatsHandler"},
        ],
        "dataset": {"_target_": "Dataset", "transform": {"_target_": "monai_nlseg.transforms.FillContourd"}},
    },
    "own": {"_target_": "FillContourd"},
    "gone": {"_target_": "no.such.Thing"},
    "call": {"_target_": "$@train"},
}


@pytest.mark.parametrize(
    ("kind", "ids"),
    [
        (StatsHandler, ["train#handlers#0"]),
        (TensorBoardStatsHandler, ["train#handlers#1", "train#handlers#2", "train#handlers#3"]),
        (TensorBoardHandler, ["train#handlers#2", "train#handlers#3"]),
        (FillContourd, ["train#dataset#transform"]),
        (LoadImaged, []),
    ],
)
def test_components_by_their_class(kind, ids):
    assert components_of(CONFIG, kind) == ids


def test_a_component_alone():
    assert components_of({"_target_": "StatsHandler"}, StatsHandler) == [""]
