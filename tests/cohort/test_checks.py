from __future__ import annotations

import pytest

from monai_nlseg.cohort import Runner, RunOptions
from monai_nlseg.cohort.checks import check_options

T1 = "brain_t1_nonlocal_unet_segmentation"
NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bundle": "nonsense"}, "'nonsense' is not a bundle"),
        ({"overrides": {"nonsense": 1}}, "'nonsense' is not an id of inference"),
        ({"overrides": {"step": 0}}, "step is 0: give a whole number"),
        ({"overrides": {"checkpoint": "nowhere.pt"}}, "the checkpoint 'nowhere.pt' cannot be opened"),
        ({"output": "nonsense://bucket/labels"}, "cannot be reached"),
    ],
)
def test_options_are_refused_before_a_worker_starts(change, words):
    with pytest.raises(ValueError, match=words):
        check_options(RunOptions(**{"bundle": T1, "output": "out"} | change))


def test_damaged_weights_are_refused(tmp_path):
    (tmp_path / "model.pt").write_bytes(b"PK")
    with pytest.raises(ValueError, match="model.pt' is not a checkpoint of weights, or is damaged"):
        check_options(RunOptions(T1, "out", overrides={"checkpoint": str(tmp_path / "model.pt")}))


@pytest.mark.parametrize("share", [NAN, INF, -1, 1e9, 1.5])
def test_gpus_that_no_worker_can_have(share):
    with pytest.raises(ValueError, match="gpus_per_worker is"):
        Runner("ray", gpus_per_worker=share)


@pytest.mark.parametrize("workers", [0, -1, 10**6, NAN, 1.5])
def test_workers_that_no_machine_has(workers):
    with pytest.raises(ValueError, match="the number of workers is"):
        Runner(workers=workers)
