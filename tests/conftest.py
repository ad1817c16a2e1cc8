from __future__ import annotations

import functools
import os

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings
from monai.bundle import ComponentLocator
from monai.utils import set_determinism

# How fast an example is made and done depends on the machine.
settings.register_profile(
    "the same each time", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("the same each time")

# PyTorch knows its functions by their id(): one that goes while tests follow each other would be found in a network.
_register = torch.jit._builtins._register_builtin
_kept = []
torch.jit._builtins._register_builtin = lambda function, name: (_kept.append(function), _register(function, name))

# Each ConfigParser looks through all modules for classes, for a tenth of a second; here only after new imports.
_found = functools.cache(lambda names: _find(ComponentLocator(), names))
_find = ComponentLocator._find_classes_or_functions
ComponentLocator._find_classes_or_functions = lambda self, names: _found(tuple(names))


@pytest.fixture(autouse=True, scope="session")
def own_configuration(tmp_path_factory):
    """The bundles that a developer trusts are not the tests'."""
    os.environ["XDG_CONFIG_HOME"] = str(tmp_path_factory.mktemp("config"))


@pytest.fixture(autouse=True)
def seeded():
    """Every test draws the same numbers each time, whatever test ran before it."""
    # What a workflow has set for the whole process makes MONAI's Compose start again at each inverse.
    set_determinism(None)
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002, MONAI and SciPy may draw from it


@pytest.fixture(autouse=True)
def without_logging_conf(monkeypatch):
    """A bundle's logging.conf is for a process of its own: it closes the handlers, and so the output, of this one."""
    monkeypatch.setattr("monai.bundle.workflows.fileConfig", lambda *_, **__: None)
