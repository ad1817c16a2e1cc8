from __future__ import annotations

from pathlib import Path

import pytest
import torch
from monai.data import CacheDataset, DataLoader
from monai.engines import SupervisedTrainer
from monai.handlers import CheckpointLoader
from monai.transforms import Compose, RandFlipd, RandGaussianNoised, RandSpatialCropd
from torch.utils.data import RandomSampler

from monai_nlseg.handlers import EpochCheckpointSaver, EpochSeed

EPOCHS = 4
CASES = [{"image": torch.randn(1, 8, 8, generator=torch.Generator().manual_seed(n)), "label": n % 2} for n in range(6)]
TRANSFORMS = [
    RandSpatialCropd("image", roi_size=(4, 4), random_size=False),
    RandFlipd("image", prob=0.5),
    RandGaussianNoised("image", prob=0.8),
]


def shuffled(dataset) -> DataLoader:
    return DataLoader(dataset, batch_size=2, shuffle=True, num_workers=0)


def drawn(dataset) -> DataLoader:
    """As the bundles of several processes do: a sampler with random numbers of its own."""
    generator = torch.Generator().manual_seed(torch.initial_seed() % 1000)
    sampler = RandomSampler(dataset, replacement=True, num_samples=6, generator=generator)
    return DataLoader(dataset, batch_size=2, sampler=sampler, num_workers=0)


def train(folder: Path, epochs: int, make_loader, seed: int = 3, resume: int = 0, rank: int = 0) -> dict:
    """The weights after a training, which starts from other weights than any before."""
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Dropout(0.5), torch.nn.Linear(16, 2))
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    loader = make_loader(CacheDataset(CASES, Compose(TRANSFORMS), progress=False))
    trainer = SupervisedTrainer(
        device=torch.device("cpu"),
        max_epochs=epochs,
        train_data_loader=loader,
        network=network,
        optimizer=optimizer,
        loss_function=torch.nn.CrossEntropyLoss(),
    )
    state = {"model": network, "optimizer": optimizer, "trainer": trainer}
    if resume:
        CheckpointLoader(str(folder / f"checkpoint_epoch={resume}.pt"), state).attach(trainer)
    else:
        network.load_state_dict({name: torch.full_like(value, 0.1) for name, value in network.state_dict().items()})
    EpochCheckpointSaver(folder, state, 1).attach(trainer)
    EpochSeed(seed, loader, rank).attach(trainer)
    trainer.run()
    return network.state_dict()


def equal(one: dict, other: dict) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("make_loader", [shuffled, drawn])
def test_a_resumed_training_ends_as_an_uninterrupted_one(make_loader, tmp_path):
    expected = train(tmp_path / "whole", EPOCHS, make_loader)
    train(tmp_path / "parts", 2, make_loader)
    torch.manual_seed(99)
    assert equal(train(tmp_path / "parts", EPOCHS, make_loader, resume=2), expected)


def test_epochs_seeds_and_ranks_draw_differently(tmp_path):
    ended = [
        train(tmp_path / "a", 1, shuffled),
        train(tmp_path / "b", 1, shuffled, seed=4),
        train(tmp_path / "c", 1, shuffled, rank=1),
    ]
    assert equal(ended[0], train(tmp_path / "d", 1, shuffled))
    assert not any(equal(ended[i], ended[j]) for i, j in ((0, 1), (0, 2), (1, 2)))
