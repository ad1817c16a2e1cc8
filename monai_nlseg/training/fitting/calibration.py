"""The temperature that makes a network's probabilities fit how often it is right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_expit, log_softmax, logit

VOXELS = 20_000
"""Most voxels of a case by which the temperature is chosen."""
RANGE = (0.25, 4.0)
"""Smallest and largest temperature."""
SMALLEST = 1e-7
"""Smallest probability that is told from 0."""


@dataclass(frozen=True)
class Samples:
    """Voxels drawn from validation cases.

    Attributes:
        scores: (voxels, classes) logits, up to a constant of each voxel where the classes are exclusive.
        truth: (voxels,) index of the true class, or (voxels, classes) of bool where classes overlap.
    """

    scores: np.ndarray
    truth: np.ndarray

    @classmethod
    def drawn(cls, probabilities: np.ndarray, truth: np.ndarray, known: np.ndarray | None, seed: int) -> Samples:
        """Draw voxels of a case, all with the same chance.

        Args:
            probabilities: (classes, *spatial), 0 to 1.
            truth: (*spatial) index of the true class, or (classes, *spatial) of bool where classes overlap.
            known: (*spatial) of bool, voxels that may be drawn; None for all.
            seed: seed of the draw.
        """
        chosen = np.arange(probabilities[0].size) if known is None else np.flatnonzero(known)
        if len(chosen) > VOXELS:
            chosen = np.random.default_rng(seed).choice(chosen, VOXELS, replace=False)
        drawn = probabilities.reshape(len(probabilities), -1)[:, chosen].T.astype(np.float64)
        overlapping = truth.ndim == probabilities.ndim
        if overlapping:
            scores = logit(drawn.clip(SMALLEST, 1 - SMALLEST))
            return cls(scores.astype(np.float32), truth.reshape(len(truth), -1)[:, chosen].T)
        return cls(np.log(drawn.clip(SMALLEST)).astype(np.float32), truth.ravel()[chosen].astype(np.int64))

    @classmethod
    def joined(cls, parts: list[Samples]) -> Samples:
        """Join the voxels of several cases.

        Args:
            parts: at least one.
        """
        return cls(np.concatenate([each.scores for each in parts]), np.concatenate([each.truth for each in parts]))


@dataclass(frozen=True)
class TemperatureChoice:
    """A temperature, and what it gains.

    Attributes:
        temperature: the logits are divided by it; 1 if the best one gains nothing.
        before, after: mean negative log-likelihood of the voxels in nats with temperature 1, and with the best one.
        voxels: number of voxels.
    """

    temperature: float
    before: float
    after: float
    voxels: int


def choose_temperature(samples: Samples) -> TemperatureChoice:
    """Choose the temperature that minimises the negative log-likelihood of the true classes.

    Args:
        samples: voxels of validation cases.

    Source: Guo et al., "On Calibration of Modern Neural Networks" (ICML 2017, https://arxiv.org/abs/1706.04599).
    """
    found = minimize_scalar(
        lambda logarithm: likelihood(samples, float(np.exp(logarithm))), bounds=np.log(RANGE), method="bounded"
    )
    before, after = likelihood(samples, 1.0), float(found.fun)
    better = np.isfinite(after) and after < before
    return TemperatureChoice(round(float(np.exp(found.x)), 4) if better else 1.0, before, after, len(samples.truth))


def likelihood(samples: Samples, temperature: float) -> float:
    """Return the mean negative log-likelihood in nats.

    Args:
        samples: the voxels.
        temperature: above 0.
    """
    scores = samples.scores.astype(np.float64) / temperature
    if samples.truth.ndim == 2:
        return float(-log_expit(np.where(samples.truth, scores, -scores)).mean())
    return float(-np.take_along_axis(log_softmax(scores, axis=1), samples.truth[:, None], axis=1).mean())
