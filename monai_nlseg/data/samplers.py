"""The choice of the cases for a training epoch if most of them show nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Sized
from typing import Any

import numpy as np
import torch.distributed as dist
from torch.utils.data import DistributedSampler, Sampler

from monai_nlseg.data.flags import positives_and_negatives


class PeriodicUnderSampler(DistributedSampler):
    """Each epoch, all positive cases and a fresh random part of the negative ones, shuffled.

    It is a DistributedSampler, so that MONAI's trainers (and ignite's and Lightning's) announce each epoch to it; a
    training loop of your own calls ``set_epoch``. Order and choice depend on ``seed`` and the epoch alone, so that a
    resumed training goes on as it would have. All processes get the same number of cases, and no case goes to two; for
    that, fewer negatives than there are processes are left out. An empty data set makes an empty epoch.

    Source: LAEDNet (2022), periodic under-sampling.

    Args:
        dataset: the data set that is sampled, one case per flag.
        positive: for each case, 1 or True if it shows the structure (``[case["positive"] for case in datalist]``).
        fraction: part of the negatives in an epoch, above 0 and at most 1; the nearest whole number of cases.
        seed: seed of the choice, 0 to 2^32 - 1.
        num_replicas: number of processes; None takes the process group's, 1 without one.
        rank: this process's number; None takes the process group's, 0 without one.

    Raises:
        ValueError: for flags that do not fit the data set, all positives or all negatives, a fraction outside (0, 1] or
            one that leaves no negative, or a rank that is not below ``num_replicas``.

    Examples::

        >>> from monai.data import DataLoader, Dataset
        >>> datalist = [{"case": number, "positive": number < 3} for number in range(11)]
        >>> dataset = Dataset(datalist)
        >>> sampler = PeriodicUnderSampler(dataset, [case["positive"] for case in datalist])
        >>> [len(batch["case"]) for batch in DataLoader(dataset, batch_size=4, sampler=sampler)]
        [4, 3]
    """

    def __init__(
        self,
        dataset: Sized,
        positive: Sequence[bool | int],
        fraction: float = 0.5,
        seed: int = 0,
        num_replicas: int | None = None,
        rank: int | None = None,
    ) -> None:
        self.positives, self.negatives = _classes(dataset, positive)
        num_replicas, rank = _place(num_replicas, rank)
        super().__init__(dataset, num_replicas=num_replicas, rank=rank, seed=seed)  # type: ignore[arg-type]
        if not 0 < fraction <= 1:
            raise ValueError(f"a fraction of {fraction} of the negatives is not a part of them: give one in (0, 1].")
        drawn = int(fraction * len(self.negatives) + 0.5)
        self.negatives_per_epoch = drawn - (len(self.positives) + drawn) % num_replicas
        if self.negatives_per_epoch < 1 and len(dataset):
            raise ValueError(
                f"{fraction} of {len(self.negatives)} negatives leaves none for {num_replicas} processes: raise the "
                "fraction or start fewer processes."
            )
        self.total_size = len(self.positives) + self.negatives_per_epoch
        self.num_samples = self.total_size // num_replicas

    def __iter__(self) -> Iterator[int]:
        shuffler = np.random.RandomState([self.seed, self.epoch])
        negatives = shuffler.permutation(self.negatives)[: self.negatives_per_epoch]
        cases = shuffler.permutation(np.concatenate((self.positives, negatives)))
        return iter(cases[self.rank :: self.num_replicas].tolist())


class BalancedBatchSampler(Sampler[list[int]]):
    """Batches of as many positive as negative cases.

    An epoch goes once through the larger class; the smaller one is repeated, in another order, as often as needed, so
    that each of its cases is shown as often as any other, give or take one. Cases that do not fill half a batch on
    every process are left out; each epoch leaves out others.

    Order depends on ``seed`` and the epoch alone. PyTorch and MONAI announce epochs to samplers, not to batch samplers:
    attach :class:`monai_nlseg.handlers.SamplerEpoch` to the trainer, or else every epoch is the same. All processes get
    the same number of batches, and no case of the larger class goes to two. An empty data set makes no batch.

    Source: RAGCM (AAAI-21), training: negatives to positives 1:1, batch 8. The paper does not say what an epoch is.

    Args:
        dataset: the data set that is sampled, one case per flag.
        positive: for each case, 1 or True if it shows the structure (``[case["positive"] for case in datalist]``).
        batch_size: number of cases per batch and process, even.
        seed: seed of the order, 0 to 2^32 - 1.
        num_replicas: number of processes; None takes the process group's, 1 without one.
        rank: this process's number; None takes the process group's, 0 without one.

    Raises:
        ValueError: for flags that do not fit the data set, all positives or all negatives, an odd batch size, fewer
            cases than a batch on each process needs, or a rank that is not below ``num_replicas``.

    Examples::

        >>> from monai.data import DataLoader, Dataset
        >>> from monai_nlseg.handlers import SamplerEpoch
        >>> datalist = [{"case": number, "positive": number < 3} for number in range(11)]
        >>> dataset = Dataset(datalist)
        >>> sampler = BalancedBatchSampler(dataset, [case["positive"] for case in datalist], batch_size=4)
        >>> [batch["positive"].sum().item() for batch in DataLoader(dataset, batch_sampler=sampler)]
        [2, 2, 2, 2]
        >>> handler = SamplerEpoch(sampler)  # goes to the trainer's train_handlers
    """

    def __init__(
        self,
        dataset: Sized,
        positive: Sequence[bool | int],
        batch_size: int = 8,
        seed: int = 0,
        num_replicas: int | None = None,
        rank: int | None = None,
    ) -> None:
        self.positives, self.negatives = _classes(dataset, positive)
        self.num_replicas, self.rank = _place(num_replicas, rank)
        if batch_size < 2 or batch_size % 2:
            raise ValueError(f"a batch of {batch_size} has no two equal halves: give an even batch_size.")
        self.half = batch_size // 2
        self.seed = seed
        self.epoch = 0
        larger = max(len(self.positives), len(self.negatives))
        self.batches = larger // self.half // self.num_replicas
        if not self.batches and len(dataset):
            raise ValueError(
                f"{larger} cases of the larger class are fewer than the {self.half * self.num_replicas} of one step: "
                "give a smaller batch_size or start fewer processes."
            )

    def __len__(self) -> int:
        return self.batches

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of an epoch.

        Args:
            epoch: number of the epoch, 0 for the first.
        """
        self.epoch = epoch

    def __iter__(self) -> Iterator[list[int]]:
        shuffler = np.random.RandomState([self.seed, self.epoch])
        halves = self.batches * self.num_replicas
        positives = _repeated(self.positives, halves * self.half, shuffler).reshape(halves, self.half)
        negatives = _repeated(self.negatives, halves * self.half, shuffler).reshape(halves, self.half)
        batches = np.concatenate((positives, negatives), axis=1)
        return iter(batches[self.rank :: self.num_replicas].tolist())


def _classes(dataset: Sized, positive: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
    if not len(dataset) and not len(positive):
        return np.arange(0), np.arange(0)
    flags = list(positive)
    if len(dataset) != len(flags):
        raise ValueError(f"the data set has {len(dataset)} cases and there are {len(flags)} flags: give one per case.")
    return positives_and_negatives(flags)


def _place(num_replicas: int | None, rank: int | None) -> tuple[int, int]:
    distributed = dist.is_available() and dist.is_initialized()
    if num_replicas is None:
        num_replicas = dist.get_world_size() if distributed else 1
    if rank is None:
        rank = dist.get_rank() if distributed else 0
    if not 0 <= rank < num_replicas:
        raise ValueError(f"rank {rank} is not one of {num_replicas} processes: give 0 to {num_replicas - 1}.")
    return num_replicas, rank


def _repeated(cases: np.ndarray, count: int, shuffler: np.random.RandomState) -> np.ndarray:
    """Return ``count`` cases, in a new order each time all of them are used up."""
    if not count:
        return cases[:0]
    rounds = -(-count // len(cases))
    return np.concatenate([shuffler.permutation(cases) for _ in range(rounds)])[:count]
