from __future__ import annotations

import sys

import pytest

from tests.cohort.bundles import fault_bundle, picture_bundle, tumour_bundle, unet_bundle, yaml_bundle

MAKES = {
    "unet": unet_bundle,
    "yaml": yaml_bundle,
    "picture": picture_bundle,
    "tumour": tumour_bundle,
    "fault": fault_bundle,
}


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """Name of a make -> its bundle, written once."""
    folder = tmp_path_factory.mktemp("bundles")
    done = {}

    def make(name):
        if name not in done:
            done[name] = MAKES[name](folder / name)
        return done[name]

    return make


@pytest.fixture(autouse=True)
def without_scripts():
    """What a bundle has imported of its folder ``scripts`` is not another's."""
    path = list(sys.path)
    yield
    sys.path[:] = path
    for name in [name for name in sys.modules if name.split(".")[0] == "scripts"]:
        del sys.modules[name]
