from __future__ import annotations

from itertools import permutations

import pytest

from monai_nlseg.label.offers import AGAIN_SECONDS, error_key, offer_order

NOW = 1_000_000


def info(value=None, seconds=None, client="anna", **other):
    found = {} if value is None else {"score": value}
    if seconds is not None:
        found["strategy"] = {"score": {"ts": NOW - seconds, "client_id": client}}
    return found | other


def order(images, client=None):
    orders = {tuple(offer_order(dict(shuffled), "score", client, NOW)) for shuffled in permutations(images.items())}
    assert len(orders) == 1  # whatever order the datastore has
    return list(orders.pop())


def test_highest_score_first_then_by_name_and_unscored_images_last():
    images = {"b": info(0.2), "a": info(0.2), "c": info(0.9), "e": info(), "d": info(), "z": info(0.0)}
    assert order(images) == ["c", "a", "b", "z", "d", "e"]


def test_images_that_could_not_be_scored_are_left_out():
    images = {"a": info(**{error_key("score"): "it is damaged"}), "b": info(0.1, **{error_key("score"): None})}
    assert order(images) == ["b"]
    assert order({}) == []


def test_what_was_offered_lately_comes_last_the_oldest_offer_first():
    images = {"a": info(0.9, seconds=60), "b": info(0.8, seconds=90), "c": info(0.1), "d": info()}
    assert order(images) == ["c", "d", "b", "a"]
    images["a"] = info(0.9, seconds=AGAIN_SECONDS)
    assert order(images) == ["a", "c", "d", "b"]


@pytest.mark.parametrize("client", ["anna", None])
def test_another_annotators_image_comes_before_ones_own(client):
    images = {"a": info(0.9, seconds=60), "b": info(0.2, seconds=5, client="ben"), "c": info(0.1)}
    assert order(images, client) == (["c", "b", "a"] if client else ["c", "a", "b"])


def test_offers_of_other_strategies_do_not_count():
    images = {"a": info(0.9, strategy={"random": {"ts": NOW, "client_id": "anna"}}), "b": info(0.1)}
    assert order(images, "anna") == ["a", "b"]
