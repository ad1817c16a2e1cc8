"""Random numbers of a training that do not depend on where it was resumed."""

from __future__ import annotations

import numpy as np
from ignite.engine import Engine, Events
from monai.data.utils import set_rnd
from monai.utils import set_determinism
from torch.utils.data import DataLoader

__all__ = ["EpochSeed"]


class EpochSeed:
    """Ignite handler that seeds all random numbers anew when an epoch starts, from the seed and the epoch's number.

    A training that is killed and resumed from the checkpoint of an epoch then ends with the same weights, bit by bit,
    as one that was not, where its operations are deterministic.

    Args:
        seed: 0 or more.
        loader: of the training; its data set's random transforms and its sampler's generator are seeded, too.
        rank: of this process among those of the training.
    """

    def __init__(self, seed: int, loader: DataLoader, rank: int = 0) -> None:
        self.seed = seed
        self.loader = loader
        self.rank = rank

    def attach(self, engine: Engine) -> None:
        """Attach to a trainer."""
        engine.add_event_handler(Events.EPOCH_STARTED, self)

    def __call__(self, engine: Engine) -> None:
        # Hashed, for sums of seed and epoch would make the epochs of one seed those of the next.
        seed = int(np.random.SeedSequence([self.seed, engine.state.epoch, self.rank]).generate_state(1)[0])
        set_determinism(seed)
        set_rnd(self.loader.dataset, seed)
        generator = getattr(self.loader.sampler, "generator", None)
        if generator is not None:
            generator.manual_seed(seed)
