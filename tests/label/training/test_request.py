"""What a client may ask of a training."""

from __future__ import annotations

import pytest
import torch

from monai_nlseg.label.options import AppOptions
from monai_nlseg.label.training.request import TrainingRequest

OPTIONS = AppOptions(epochs=7, most_epochs=30, val_split=0.3)


@pytest.mark.parametrize(
    ("request_", "epochs", "share"),
    [
        ({}, 7, 0.3),
        ({"max_epochs": 30}, 30, 0.3),
        ({"epochs": 1}, 1, 0.3),
        ({"max_epochs": 3, "epochs": 1}, 3, 0.3),
        ({"max_epochs": None, "epochs": 1}, 1, 0.3),
        ({"max_epochs": "12", "val_split": "0.5"}, 12, 0.5),  # as OHIF's fields send them
    ],
)
def test_request(request_, epochs, share):
    assert TrainingRequest.of(request_, OPTIONS, "cpu") == TrainingRequest(epochs, share, torch.device("cpu"))


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (
            {"max_epochs": 31},
            "max_epochs is 31: give a whole number from 1 to 30, or start the server with --conf most",
        ),
        ({"epochs": 0}, "max_epochs is 0: give a whole number from 1 to 30"),
        ({"epochs": 2.5}, "max_epochs is 2.5: give a whole number"),
        ({"epochs": "many"}, "epochs is 'many': give a number"),
        ({"epochs": [1]}, r"epochs is \[1\]: give a number"),
        ({"epochs": True}, "epochs is True: give a number"),
        ({"epochs": "nan"}, "max_epochs is nan: give a whole number"),
        ({"val_split": 0}, "val_split is 0: give a share between 0 and 1"),
        ({"val_split": -1}, "val_split is -1: give a share"),
        ({"val_split": 1}, "val_split is 1: give a share"),
    ],
)
def test_other_requests_are_refused(request_, message):
    with pytest.raises(ValueError, match=message):
        TrainingRequest.of(request_, OPTIONS, "cpu")


@pytest.mark.parametrize("device", ["cpu'); print('a", "tpu?", ""])
def test_unknown_device_is_refused(device):
    with pytest.raises(ValueError, match="the device .* is unknown: give cpu, cuda or cuda:1"):
        TrainingRequest.of({}, OPTIONS, device)
