from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from monai.data import partition_dataset_classes

from monai_nlseg.data import balanced_split, group_split, stratified_split

ratios_of_parts = st.lists(st.floats(0.05, 10), min_size=2, max_size=4)
seeds = st.integers(0, 2**32 - 1)


def _cases(values, by="class"):
    return [{"image": f"{index}.png", by: value} for index, value in enumerate(values)]


def _of_sizes(sizes, by="class"):
    return _cases([value for value, size in sizes.items() for _ in range(size)], by)


def _assert_parts_make(datalist, parts):
    """Every case in exactly one part, each part in the datalist's order."""
    order = [[datalist.index(case) for case in part] for part in parts]
    assert sorted(sum(order, [])) == list(range(len(datalist)))
    assert all(indices == sorted(indices) for indices in order)


class TestStratified:
    @pytest.mark.parametrize(
        ("sizes", "ratios", "expected"),
        [
            ({"positive": 2323, "negative": 3312}, [9, 1], [(2091, 2981), (232, 331)]),
            ({"normal": 133, "benign": 437, "malignant": 210}, [0.8, 0.2], [(106, 350, 168), (27, 87, 42)]),
        ],
        ids=["BP", "BUSI"],
    )
    def test_laednet_s_sizes(self, sizes, ratios, expected):
        parts = stratified_split(_of_sizes(sizes), "class", ratios)
        counts = [Counter(case["class"] for case in part) for part in parts]
        assert [tuple(count[value] for value in sizes) for count in counts] == expected

    @settings(max_examples=60, deadline=None)
    @given(values=st.lists(st.sampled_from("abc"), min_size=4, max_size=80), ratios=ratios_of_parts, seed=seeds)
    def test_any_split(self, values, ratios, seed):
        datalist = _cases(values)
        sizes = Counter(values)
        shares = [ratio / sum(ratios) for ratio in ratios]
        try:
            parts = stratified_split(datalist, "class", ratios, seed)
        except ValueError as error:
            assert "too few for each" in str(error)
            assert min(sizes.values()) * min(shares) < 1
            return
        _assert_parts_make(datalist, parts)
        for part, share in zip(parts, shares):
            for value, count in Counter(case["class"] for case in part).items():
                assert abs(count - share * sizes[value]) < 1 + 1e-9

    def test_keeps_what_monai_drops(self):
        datalist = _cases("a" * 10)
        assert sum(map(len, partition_dataset_classes(datalist, [0] * 10, ratios=[1, 1, 1]))) == 9
        assert [len(part) for part in stratified_split(datalist, "class", [1, 1, 1])] == [3, 4, 3]

    def test_refuses_a_class_too_small(self):
        with pytest.raises(ValueError, match="'class' 'b' has 2 cases, too few for each of 2 parts"):
            stratified_split(_cases("aaaaaaaaaabb"), "class", [9, 1])


class TestGroup:
    @settings(max_examples=60, deadline=None)
    @given(patients=st.lists(st.integers(0, 12), min_size=2, max_size=80), ratios=ratios_of_parts, seed=seeds)
    def test_any_split(self, patients, ratios, seed):
        assume(len(set(patients)) >= len(ratios))
        datalist = _cases(patients, "patient")
        parts = group_split(datalist, "patient", ratios, seed)
        _assert_parts_make(datalist, parts)
        groups = [{case["patient"] for case in part} for part in parts]
        assert all(groups)
        assert sum(map(len, groups)) == len(set(patients))
        if len(ratios) == 2:
            share = len(datalist) * ratios[0] / sum(ratios)
            assert abs(len(parts[0]) - share) <= max(Counter(patients).values()) + 1e-9

    def test_equal_groups_are_split_exactly(self):
        datalist = _cases([patient for patient in range(20) for _ in range(5)], "patient")
        assert [len(part) for part in group_split(datalist, "patient", [8, 2])] == [80, 20]
        assert [len(part) for part in group_split(datalist, "patient", [8, 1, 1])] == [80, 10, 10]

    def test_a_huge_group_leaves_the_other_parts_one_each(self):
        datalist = _cases(["huge"] * 97 + ["b", "c", "d"], "patient")
        for seed in range(10):
            parts = group_split(datalist, "patient", [1, 1, 1, 1], seed)
            assert sorted(map(len, parts)) == [1, 1, 1, 97]

    def test_refuses_fewer_groups_than_parts(self):
        with pytest.raises(ValueError, match="there are 2 groups by 'patient' for 3 parts: give fewer ratios"):
            group_split(_cases([1, 1, 2], "patient"), "patient", [1, 1, 1])


class TestBalanced:
    def test_edge_smoothing_report_s_sizes(self):
        training, validation = balanced_split(_of_sizes({1: 2323, 0: 3312}, "positive"))
        assert (len(training), len(validation)) == (3716, 930)
        assert sum(case["positive"] for case in training) == int(0.8 * 2323) == 1858
        assert sum(case["positive"] for case in validation) == 465

    @settings(max_examples=60, deadline=None)
    @given(flags=st.lists(st.booleans(), min_size=4, max_size=80), fraction=st.floats(0.1, 0.9), seed=seeds)
    def test_any_split(self, flags, fraction, seed):
        positives = sum(flags)
        training_positives = int(fraction * positives)
        assume(0 < training_positives < positives <= len(flags) - positives)
        datalist = _cases(flags, "positive")
        training, validation = balanced_split(datalist, fraction=fraction, seed=seed)
        counts = [Counter(case["positive"] for case in part) for part in (training, validation)]
        assert [(count[True], count[False]) for count in counts] == [
            (training_positives, training_positives),
            (positives - training_positives, positives - training_positives),
        ]
        kept = [case for case in datalist if case in training or case in validation]
        _assert_parts_make(kept, [training, validation])
        assert sum(case["positive"] for case in kept) == positives

    @pytest.mark.parametrize(
        ("flags", "fraction", "message"),
        [
            ([1, 1, 1, 0, 0], 0.8, "2 negatives are too few for 3 positives"),
            ([1, 0, 0], 0.8, "0.8 of 1 positives leaves a part empty"),
            ([1, 1, 0, 0], 1.0, "1.0 of 2 positives leaves a part empty"),
            ([1, 1], 0.5, "2 positive and 0 negative cases"),
            ([1, 3, 0], 0.5, "give 0 or 1"),
        ],
    )
    def test_refuses(self, flags, fraction, message):
        with pytest.raises(ValueError, match=message):
            balanced_split(_cases(flags, "positive"), fraction=fraction)


SPLITS = [
    lambda datalist, by, seed: stratified_split(datalist, by, [8, 2], seed),
    lambda datalist, by, seed: group_split(datalist, by, [8, 2], seed),
    lambda datalist, by, seed: list(balanced_split(datalist, by, seed=seed)),
]


@pytest.mark.parametrize("split", SPLITS)
def test_five_seeds_are_five_splits_and_each_is_repeatable(split):
    by_group = split is SPLITS[1]
    datalist = _cases([index // 4 if by_group else index % 2 for index in range(80)], "by")
    repeats = [split(datalist, "by", seed) for seed in range(5)]
    assert [split(datalist, "by", seed) for seed in range(5)] == repeats
    assert len({tuple(case["image"] for case in parts[1]) for parts in repeats}) == 5


def test_a_seed_s_split_never_changes():
    datalist = _cases([0, 1] * 10, "positive")
    held_out = [case["image"] for case in stratified_split(datalist, "positive", [8, 2], seed=0)[1]]
    assert held_out == ["0.png", "9.png", "10.png", "15.png"]


@pytest.mark.parametrize("split", SPLITS)
def test_names_the_case_without_the_key(split):
    with pytest.raises(ValueError, match=r"case 1 has no 'class', only \['image'\]: give one of its keys"):
        split([{"image": "0", "class": 0}, {"image": "1"}], "class", 0)


@pytest.mark.parametrize("ratios", [[], [1], [1, 0], [1, -1], [1, float("inf")], [1, float("nan")]])
@pytest.mark.parametrize("split", [stratified_split, group_split])
def test_refuses_ratios_that_make_no_parts(split, ratios):
    with pytest.raises(ValueError, match="make no parts: give two positive numbers or more"):
        split(_cases("aabb"), "class", ratios)
