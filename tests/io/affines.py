"""Affines of grids that are turned, flipped, stretched or sheared."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation


def affine_of(rotation=(0, 0, 0), sizes=(1, 1, 1), shear=0.0, offset=(-90.5, 12.25, 3)):
    affine = np.eye(4)
    sheared = np.eye(3)
    sheared[1, 2] = shear
    affine[:3, :3] = Rotation.from_euler("xyz", rotation, degrees=True).as_matrix() @ sheared @ np.diag(sizes)
    affine[:3, 3] = offset
    return affine
