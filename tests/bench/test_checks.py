from __future__ import annotations

import pytest
import torch

from monai_nlseg.bench.checks import check_settings

CPU = {"seconds": 1.0, "threads": None, "device": "cpu"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        *[({"seconds": seconds}, "the time for a measurement in seconds is") for seconds in (0, -1, 1e9)],
        *[({"seconds": float(seconds)}, "the time for a measurement in seconds is") for seconds in ("nan", "inf")],
        *[({"threads": threads}, "threads is") for threads in (0, -1, 10**6, 1.5)],
        *[
            ({"device": device}, "cannot be used by PyTorch here: choose cpu")
            for device in ("", "tpu", "meta", "cpu:7", "cuda:x")
        ],
        *[
            ({"device": device}, "cannot be used by PyTorch here: choose cpu")
            for device in ("cuda:-1", "cuda:99", "cuda:0000")
        ],
    ],
)
def test_settings_that_cannot_be_met(change, words):
    with pytest.raises(ValueError, match=words):
        check_settings(**CPU | change)


def test_gpus_that_are_there(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for device in ("cpu", "cuda", "cuda:0", "cuda:1"):
        check_settings(**CPU | {"device": device})
    with pytest.raises(ValueError, match="'cuda:2' cannot be used by PyTorch here: choose cpu or cuda:0 to cuda:1"):
        check_settings(**CPU | {"device": "cuda:2"})
