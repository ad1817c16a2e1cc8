"""Samplers that depend on the epoch."""

from __future__ import annotations

from typing import Protocol

from ignite.engine import Engine, Events


class EpochSampler(Protocol):
    """A sampler that depends on the epoch."""

    def set_epoch(self, epoch: int) -> None:
        """Set the epoch.

        Args:
            epoch: its number, from 1.
        """


class SamplerEpoch:
    """Ignite handler that calls ``set_epoch`` of a sampler with the number of each epoch that starts, from 1.

    MONAI's trainers do so for a ``DistributedSampler`` given as the loader's ``sampler``; a ``batch_sampler`` such as
    :class:`monai_nlseg.data.BalancedBatchSampler` needs this handler. A resumed training continues its numbers.

    Args:
        sampler: has ``set_epoch``.

    Raises:
        ValueError: if the sampler has none.
    """

    def __init__(self, sampler: EpochSampler) -> None:
        if not callable(getattr(sampler, "set_epoch", None)):
            raise ValueError(f"{type(sampler).__name__} has no set_epoch: give the sampler, not its loader.")
        self.sampler = sampler

    def attach(self, engine: Engine) -> None:
        """Attach to a trainer.

        Args:
            engine: the trainer.
        """
        engine.add_event_handler(Events.EPOCH_STARTED, self)

    def __call__(self, engine: Engine) -> None:
        self.sampler.set_epoch(engine.state.epoch)
