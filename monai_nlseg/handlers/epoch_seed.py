"""Random numbers that do not depend on where a training was resumed."""

from __future__ import annotations

import numpy as np
from ignite.engine import Engine, Events
from monai.data.utils import set_rnd
from monai.utils import set_determinism
from torch.utils.data import DataLoader


class EpochSeed:
    """Ignite handler that seeds all random numbers when an epoch starts, from the seed and the epoch's number.

    A training that is killed and resumed from the checkpoint of an epoch then ends with the same weights, bit by bit,
    as one that was not, if its operations are deterministic.

    Args:
        seed: 0 or more.
        loader: loader of the training; its data set's random transforms and its sampler's generator are seeded as well.
        rank: rank of this process among those of the training.
    """

    def __init__(self, seed: int, loader: DataLoader, rank: int = 0) -> None:
        self.seed = seed
        self.loader = loader
        self.rank = rank

    def attach(self, engine: Engine) -> None:
        """Attach to a trainer.

        Args:
            engine: the trainer.
        """
        engine.add_event_handler(Events.EPOCH_STARTED, self)

    def __call__(self, engine: Engine) -> None:
        # Hashed, because with sums of seed and epoch, one seed would have the epochs of the next.
        seed = int(np.random.SeedSequence([self.seed, engine.state.epoch, self.rank]).generate_state(1)[0])
        set_determinism(seed)
        set_rnd(self.loader.dataset, seed)
        generator = getattr(self.loader.sampler, "generator", None)
        if generator is not None:
            generator.manual_seed(seed)
