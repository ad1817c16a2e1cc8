"""Data lists that are read where the data are, and refuse where they are not."""

from __future__ import annotations

import pickle

import pytest
from monai.data import CacheDataset, DataLoader

from monai_nlseg.data import Deferred, exclude_cases

CASES = [{"case": "a", "label": "a.png"}, {"case": "b", "label": "b.png"}]


def missing():
    raise ValueError("'data' is not a directory: give the folder.")


def test_what_can_be_read_is_a_list():
    datalist = Deferred(exclude_cases, CASES, cases=["a"])
    assert list(datalist) == CASES[1:] and len(datalist) == 1 and datalist[0] is CASES[1]


def test_a_mapping_is_taken_by_its_keys():
    assert Deferred(lambda: {"training": CASES})["training"] == CASES


def test_data_sets_and_loaders_are_built_without_data():
    loader = DataLoader(CacheDataset(Deferred(missing), transform=[]), batch_size=1)
    assert len(loader) == 0


@pytest.mark.parametrize("use", [list, lambda datalist: datalist[0], lambda datalist: datalist.content])
def test_the_first_reader_s_error_is_raised_at_the_first_use(use):
    with pytest.raises(ValueError, match="'data' is not a directory"):
        use(Deferred(exclude_cases, Deferred(missing), ["a"]))


def test_an_error_that_no_user_causes_is_raised_at_once():
    with pytest.raises(ZeroDivisionError):
        Deferred(lambda: 1 / 0)


def test_workers_of_a_loader_get_it():
    assert list(pickle.loads(pickle.dumps(Deferred(sorted, "ba")))) == ["a", "b"]
