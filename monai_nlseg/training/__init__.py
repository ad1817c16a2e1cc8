"""Train a network on one's own data: from a folder of labelled images to a bundle."""

from __future__ import annotations

from monai_nlseg.training.fingerprint.inspect import inspect

__all__ = ["inspect"]
