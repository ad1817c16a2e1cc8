"""How fast a training is on this machine."""

from __future__ import annotations

import time
from statistics import median

import numpy as np
import torch

from monai_nlseg.inferers.windows import WindowGrid
from monai_nlseg.networks import autocast_forward, optimize_for_training
from monai_nlseg.training.fingerprint.fingerprint import Fingerprint
from monai_nlseg.training.planning.measures import grids
from monai_nlseg.training.planning.settings import Settings
from monai_nlseg.training.planning.verify import build

STEPS, LONGEST = 4, 20.0
LOADING = 1.15
"""Time of a step with random changes of the images, by that of the network alone; a rough figure."""
FORWARD = 1 / 3
"""Time of predicting a window, by that of training on it."""


def measured_step(settings: Settings, found: Fingerprint) -> float:
    """Return the seconds of a training step on this machine, by a few steps on noise.

    Args:
        settings: the settings; their schedule's length does not matter.
        found: the fingerprint.
    """
    device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    chosen = settings.network
    with torch.random.fork_rng():
        network = optimize_for_training(build(chosen.target, chosen.arguments).to(device).train())
        network = autocast_forward(network, device, settings.schedule.precision)
        optimizer = torch.optim.AdamW(network.parameters())
        batch = torch.randn(settings.sampling.batch_size, len(found.channels), *settings.sampling.window, device=device)
        taken: list[float] = []
        while len(taken) < 2 or (len(taken) < STEPS and sum(taken) < LONGEST):
            begin = time.perf_counter()
            optimizer.zero_grad()
            loss = network(batch).square().mean()
            loss.backward()
            optimizer.step()
            loss.item()  # waits for an accelerator
            taken.append(time.perf_counter() - begin)
    return min(taken[1:]) * LOADING


def case_shape(settings: Settings, found: Fingerprint) -> tuple[int, ...]:
    """Return the voxels of a median image as the network's inferer sees it.

    Args:
        settings: the settings.
        found: the fingerprint.
    """
    geometry = settings.geometry
    if geometry.size is not None:
        return geometry.size
    shapes, spacings = grids(found)
    if geometry.spacing is not None:
        shapes = shapes * spacings / np.array(geometry.spacing)
    return tuple(max(1, round(float(size))) for size in np.median(shapes, axis=0))


def seconds_of_case(settings: Settings, found: Fingerprint, step: float) -> float:
    """Estimate the seconds of predicting a median image while training, without flipped copies.

    Args:
        settings: the settings.
        found: the fingerprint.
        step: seconds of a training step.
    """
    sampling = settings.sampling
    windows = WindowGrid.covering(case_shape(settings, found), sampling.window, settings.inference.step).count
    return windows * _looked_at(settings, found) * FORWARD * step / sampling.batch_size


def _looked_at(settings: Settings, found: Fingerprint) -> float:
    """Return the share of windows that hold anything, about; others are left out."""
    if any(each.kind != "zscore-nonzero" for each in settings.intensity):
        return 1.0
    content = 1 - min(median(each.zeros for case in found.cases for each in case.channels), 0.9)
    return min(1.0, 1.5 * content)
