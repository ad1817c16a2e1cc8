from __future__ import annotations

import multiprocessing

import numpy as np
import pytest
import torch
import torch.distributed as dist
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import DataLoader, Dataset
from monai.engines import SupervisedTrainer
from monai.utils import set_determinism

from monai_nlseg.data import BalancedBatchSampler, PeriodicUnderSampler
from monai_nlseg.handlers import SamplerEpoch

FLAGS = [True] * 10 + [False] * 33
classes = st.tuples(st.integers(1, 40), st.integers(1, 40), st.randoms(use_true_random=False))


def _flags(drawn):
    positives, negatives, shuffler = drawn
    flags = [1] * positives + [0] * negatives
    shuffler.shuffle(flags)
    return flags


def _under(flags=FLAGS, **options):
    return PeriodicUnderSampler(range(len(flags)), flags, **options)


def _balanced(flags=FLAGS, **options):
    return BalancedBatchSampler(range(len(flags)), flags, **options)


def _epoch(sampler, epoch):
    sampler.set_epoch(epoch)
    return list(sampler)


class TestPeriodicUnderSampler:
    def test_each_epoch_has_all_positives_and_another_half_of_the_negatives(self):
        sampler = _under()
        epochs = [_epoch(sampler, epoch) for epoch in range(1, 13)]
        for cases in epochs:
            assert len(cases) == len(set(cases)) == len(sampler) == 10 + 17
            assert set(range(10)) <= set(cases)
        assert len({frozenset(cases) for cases in epochs}) == 12
        assert len({tuple(case for case in cases if case < 10) for cases in epochs}) == 12
        assert set().union(*epochs) == set(range(43))

    def test_negatives_are_drawn_evenly(self):
        sampler = _under()
        seen = np.bincount(np.concatenate([_epoch(sampler, epoch) for epoch in range(400)]))[10:]
        # 400 draws with probability 17 / 33: 206 each, standard deviation 10.
        assert abs(seen - 400 * 17 / 33).max() < 45

    @settings(max_examples=60, deadline=None)
    @given(
        drawn=classes,
        fraction=st.floats(0.05, 1),
        seed=st.integers(0, 2**32 - 1),
        replicas=st.integers(1, 4),
        epoch=st.integers(0, 300),
    )
    def test_any_epoch(self, drawn, fraction, seed, replicas, epoch):
        flags = _flags(drawn)
        negatives = flags.count(0)
        wanted = int(fraction * negatives + 0.5)
        if wanted - (flags.count(1) + wanted) % replicas < 1:
            with pytest.raises(ValueError, match="leaves none for"):
                _under(flags, fraction=fraction, num_replicas=replicas, rank=0)
            return
        shards = []
        for rank in range(replicas):
            sampler = _under(flags, fraction=fraction, seed=seed, num_replicas=replicas, rank=rank)
            shards.append(_epoch(sampler, epoch))
            assert len(shards[-1]) == len(sampler)
        cases = sum(shards, [])
        assert len({len(shard) for shard in shards}) == 1
        assert len(cases) == len(set(cases))
        assert {case for case, flag in enumerate(flags) if flag} <= set(cases)
        drawn_negatives = sum(flags[case] == 0 for case in cases)
        assert wanted - replicas < drawn_negatives <= wanted

    def test_all_negatives(self):
        assert sorted(_under(fraction=1.0)) == list(range(43))

    def test_laednet_s_epoch(self):
        assert len(_under([1] * 2091 + [0] * 2981)) == 2091 + 1491

    @pytest.mark.parametrize("fraction", [0.0, -0.5, 1.5, float("nan")])
    def test_refuses_other_fractions(self, fraction):
        with pytest.raises(ValueError, match=r"give one in \(0, 1\]"):
            _under(fraction=fraction)

    def test_monai_s_trainer_announces_the_epochs(self):
        sampler = _under(seed=3)
        seen = _train(DataLoader(Dataset(range(43)), batch_size=4, sampler=sampler, num_workers=0), epochs=3)
        assert seen == [_epoch(sampler, epoch) for epoch in (1, 2, 3)]


class TestBalancedBatchSampler:
    def test_half_of_each_batch_is_positive(self):
        batches = _epoch(_balanced(batch_size=6), 1)
        assert len(batches) == 33 // 3
        assert all(len(batch) == 6 and sum(FLAGS[case] for case in batch) == 3 for batch in batches)

    @settings(max_examples=60, deadline=None)
    @given(drawn=classes, half=st.integers(1, 5), seed=st.integers(0, 2**32 - 1), replicas=st.integers(1, 3))
    def test_any_epoch(self, drawn, half, seed, replicas):
        flags = _flags(drawn)
        larger, smaller = (1, 0) if flags.count(1) > flags.count(0) else (0, 1)
        if flags.count(larger) < half * replicas:
            with pytest.raises(ValueError, match="are fewer than"):
                _balanced(flags, batch_size=2 * half, num_replicas=replicas, rank=0)
            return
        options = {"batch_size": 2 * half, "seed": seed, "num_replicas": replicas}
        samplers = [_balanced(flags, rank=rank, **options) for rank in range(replicas)]
        shards = [_epoch(sampler, 5) for sampler in samplers]
        assert {len(shard) for shard in shards} == {len(sampler) for sampler in samplers}
        batches = sum(shards, [])
        assert all(sum(flags[case] for case in batch) == half == len(batch) // 2 for batch in batches)
        shown = np.bincount(sum(batches, []), minlength=len(flags))
        of_larger, of_smaller = (shown[np.array(flags) == value] for value in (larger, smaller))
        assert of_larger.max() == 1 and (of_larger == 0).sum() < half * replicas
        assert of_smaller.max() - of_smaller.min() <= 1

    def test_what_is_left_out_is_another_each_epoch(self):
        sampler = _balanced(batch_size=8)  # 33 negatives are 8 halves of 4 and 1
        left_out = {frozenset(range(43)) - set(sum(_epoch(sampler, epoch), [])) for epoch in range(8)}
        assert len(left_out) > 3
        assert all(len(cases) == 1 and min(cases) >= 10 for cases in left_out)

    def test_ragcm_s_epoch(self):
        assert len(_balanced([1] * 1858 + [0] * 2650)) == 2650 // 4

    @pytest.mark.parametrize("batch_size", [-2, 0, 1, 7])
    def test_refuses_odd_batches(self, batch_size):
        with pytest.raises(ValueError, match=f"a batch of {batch_size} has no two equal halves"):
            _balanced(batch_size=batch_size)

    def test_monai_s_trainer_announces_the_epochs_by_the_handler(self):
        sampler = _balanced(batch_size=4, seed=3)
        seen = _train(DataLoader(Dataset(range(43)), batch_sampler=sampler, num_workers=0), 3, [SamplerEpoch(sampler)])
        assert seen == [sum(_epoch(sampler, epoch), []) for epoch in (1, 2, 3)]


@pytest.mark.parametrize("build", [_under, _balanced])
class TestBoth:
    def test_order_depends_on_seed_and_epoch_alone(self, build):
        set_determinism(1)
        first = _epoch(build(seed=5), 4)
        set_determinism(2)
        later = build(seed=5)
        _epoch(later, 9)
        set_determinism(None)
        assert _epoch(later, 4) == list(later) == first
        assert _epoch(build(seed=6), 4) != first != _epoch(later, 5)

    def test_next_seed_is_not_the_next_epoch(self, build):
        """PyTorch's DistributedSampler adds the two, so that repeats by seed would share their epochs."""
        assert _epoch(build(seed=1), 2) != _epoch(build(seed=2), 1)

    def test_flags_of_any_kind(self, build):
        assert list(build(np.array(FLAGS))) == list(build([int(flag) for flag in FLAGS])) == list(build())

    @pytest.mark.parametrize(
        ("flags", "message"),
        [
            ([1, 1, 1], "3 positive and 0 negative"),
            ([False, False], "0 positive and 2 negative"),
            ([0, 1, 2], "give 0 or 1"),
            ([[0, 1], [1, 0]], "give 0 or 1"),
            (["yes", "no"], "give 0 or 1"),
        ],
    )
    def test_refuses_other_flags(self, build, flags, message):
        with pytest.raises(ValueError, match=message):
            build(flags)

    def test_an_empty_data_set_makes_an_empty_epoch(self, build):
        sampler = build([])
        assert len(sampler) == 0 and list(sampler) == []

    @pytest.mark.parametrize("size", [42, 44])
    def test_refuses_flags_of_another_data_set(self, build, size):
        kind = type(build())
        with pytest.raises(ValueError, match=f"has {size} cases and there are 43 flags"):
            kind(range(size), FLAGS)

    @pytest.mark.parametrize("rank", [-1, 2])
    def test_refuses_a_rank_outside(self, build, rank):
        with pytest.raises(ValueError, match=f"rank {rank} is not one of 2 processes: give 0 to 1"):
            build(num_replicas=2, rank=rank)

    def test_takes_its_place_from_the_process_group(self, build, tmp_path):
        processes = multiprocessing.get_context("fork")
        answers = processes.Queue()
        workers = [
            processes.Process(target=_in_group, args=(build, rank, tmp_path / "store", answers)) for rank in range(2)
        ]
        for worker in workers:
            worker.start()
        found = dict(answers.get(timeout=60) for _ in workers)
        for worker in workers:
            worker.join()
        assert found == {rank: _epoch(build(num_replicas=2, rank=rank), 3) for rank in range(2)}


def test_workers_load_the_same_batches():
    data = Dataset(range(43))
    under, balanced = _under(), _balanced(batch_size=4)
    for options in ({"sampler": under, "batch_size": 4}, {"batch_sampler": balanced}):
        loader = DataLoader(data, num_workers=2, persistent_workers=True, **options)
        for epoch in (1, 2):
            loader_sampler = options.get("sampler") or options["batch_sampler"]
            loader_sampler.set_epoch(epoch)
            loaded = torch.cat(list(loader)).tolist()
            plain = list(loader_sampler)
            assert loaded == (plain if loader_sampler is under else sum(plain, []))


def _train(loader, epochs, handlers=()):
    """The cases that each epoch of a MONAI trainer shows."""
    seen = [[] for _ in range(epochs)]
    network = torch.nn.Conv2d(1, 1, 1)
    trainer = SupervisedTrainer(
        device=torch.device("cpu"),
        max_epochs=epochs,
        train_data_loader=loader,
        network=network,
        optimizer=torch.optim.SGD(network.parameters(), lr=0.1),
        loss_function=torch.nn.MSELoss(),
        iteration_update=lambda engine, batch: seen[engine.state.epoch - 1].extend(batch.tolist()),
        train_handlers=list(handlers),
        decollate=False,
    )
    trainer.run()
    return seen


def _in_group(build, rank, store, answers):
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    answers.put((rank, _epoch(build(), 3)))
    dist.barrier()
    dist.destroy_process_group()
