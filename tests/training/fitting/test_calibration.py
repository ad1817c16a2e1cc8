from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, softmax

from monai_nlseg.training.fitting.calibration import Samples, choose_temperature


def overconfident(temperature: float, overlapping: bool) -> Samples:
    """Voxels whose classes are drawn with the probabilities of logits, and scores that are as many times as large."""
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, (3, 200, 100))
    if overlapping:
        truth = random.random(logits.shape) < expit(logits)
        return Samples.drawn(expit(logits * temperature), truth, None, 0)
    chances = softmax(logits, 0)
    truth = (random.random((200, 100)) > chances.cumsum(0)[:2]).sum(0)
    return Samples.drawn(softmax(logits * temperature, 0), truth, None, 0)


@pytest.mark.parametrize("overlapping", [False, True])
@pytest.mark.parametrize("temperature", [0.6, 2.5])
def test_the_temperature_is_found_again(temperature, overlapping):
    chosen = choose_temperature(overconfident(temperature, overlapping))
    assert chosen.temperature == pytest.approx(temperature, rel=0.05)
    assert chosen.after < chosen.before and chosen.voxels == 20_000


def test_one_that_gains_nothing_is_left_out():
    samples = overconfident(1.0, False)
    best = choose_temperature(samples)
    already = Samples(samples.scores / np.float32(best.temperature), samples.truth)
    assert choose_temperature(already).temperature == pytest.approx(1.0, abs=0.01)


def test_only_known_voxels_are_drawn_and_the_same_each_time():
    probabilities = np.stack([np.full((300, 200), 0.25), np.full((300, 200), 0.75)])
    truth = np.zeros((300, 200), int)
    truth[:100] = 1
    known = np.zeros((300, 200), bool)
    known[:100] = True
    drawn = [Samples.drawn(probabilities, truth, known, 3) for _ in range(2)]
    assert len(drawn[0].truth) == 20_000 and drawn[0].truth.all()
    assert np.array_equal(drawn[0].scores, drawn[1].scores)
    assert len(Samples.joined(drawn).truth) == 40_000
