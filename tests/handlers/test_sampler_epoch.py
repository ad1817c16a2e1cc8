from __future__ import annotations

import pytest
from ignite.engine import Engine
from torch.utils.data import DataLoader, DistributedSampler

from monai_nlseg.handlers import SamplerEpoch


class _Sampler:
    def __init__(self):
        self.epochs = []

    def set_epoch(self, epoch):
        self.epochs.append(epoch)


def test_each_epoch_is_announced_once():
    sampler = _Sampler()
    trainer = Engine(lambda engine, batch: None)
    SamplerEpoch(sampler).attach(trainer)
    trainer.run([0, 0], max_epochs=3)
    assert sampler.epochs == [1, 2, 3]


def test_resumed_training_goes_on_with_its_epoch():
    sampler = _Sampler()
    trainer = Engine(lambda engine, batch: None)
    SamplerEpoch(sampler).attach(trainer)
    trainer.load_state_dict({"epoch_length": 2, "max_epochs": 5, "iteration": 6})
    trainer.run([0, 0])
    assert sampler.epochs == [4, 5]


def test_takes_any_sampler_with_epochs():
    sampler = DistributedSampler(range(4), num_replicas=1, rank=0)
    trainer = Engine(lambda engine, batch: None)
    SamplerEpoch(sampler).attach(trainer)
    trainer.run([0], max_epochs=2)
    assert sampler.epoch == 2


def test_refuses_a_loader():
    with pytest.raises(ValueError, match="DataLoader has no set_epoch: give the sampler"):
        SamplerEpoch(DataLoader([0]))
