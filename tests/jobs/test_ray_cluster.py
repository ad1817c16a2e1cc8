from __future__ import annotations

import socket
from types import SimpleNamespace

import pytest

from monai_nlseg.jobs.ray_cluster import capacity, cpus_of_worker, joined


@pytest.mark.parametrize(
    "cpus, gpus, expected", [(1, 0, 11), (4, 0, 2), (1, 1, 3), (1, 0.5, 6), (5, 1, 1), (0.5, 0, 22), (1, 4, 0)]
)
def test_capacity_counts_what_fits_on_each_node_that_is_alive(cpus, gpus, expected):
    nodes = [
        {"Alive": True, "Resources": {"CPU": 7.0, "GPU": 2.0}},
        {"Alive": True, "Resources": {"CPU": 4.0, "GPU": 1.0}},
        {"Alive": True, "Resources": {"memory": 1e9}},
        {"Alive": False, "Resources": {"CPU": 64.0, "GPU": 8.0}},
    ]
    assert capacity(SimpleNamespace(nodes=lambda: nodes), cpus, gpus) == expected


@pytest.mark.parametrize(
    "workers, gpus, expected",
    [(None, 0, 4), (1, 0, 4), (2, 0, 3), (3, 0, 2), (7, 0, 1), (99, 0, 1), (None, 1, 3), (2, 1, 1)],
)
def test_a_worker_has_the_cpus_with_which_all_find_room(workers, gpus, expected):
    nodes = [
        {"Alive": True, "Resources": {"CPU": 5.0}},
        {"Alive": True, "Resources": {"CPU": 3.0, "GPU": 1.0}},
        {"Alive": True, "Resources": {"CPU": 1.0, "GPU": 1.0}},
    ]
    assert cpus_of_worker(SimpleNamespace(nodes=lambda: nodes), workers, gpus) == expected


def unused_port() -> int:
    with socket.socket() as some:
        some.bind(("127.0.0.1", 0))
        return some.getsockname()[1]


def test_an_address_without_a_cluster_is_refused(monkeypatch):
    pytest.importorskip("ray")
    address = f"127.0.0.1:{unused_port()}"
    expected = rf"there is no Ray cluster to join at '{address}' .*: start one with `ray start --head`"
    with pytest.raises(ValueError, match=expected), joined(address):
        pass
    monkeypatch.setenv("RAY_ADDRESS", address)
    with pytest.raises(ValueError, match=expected), joined("auto"):
        pass
    with pytest.raises(ValueError, match="at 'nonsense'"), joined("nonsense"):
        pass


def test_a_cluster_that_asks_for_a_token_says_so(monkeypatch):
    ray = pytest.importorskip("ray")

    def refuse(*_, **__):
        raise RuntimeError("Failed to connect. Last error: Traceback\nInvalidAuthToken: it is missing")

    monkeypatch.setattr(ray, "init", refuse)
    with pytest.raises(ValueError, match="at 'auto' asks for its token: set RAY_AUTH_MODE=token"), joined("auto"):
        pass


def test_without_ray_the_extra_is_named(monkeypatch):
    monkeypatch.setattr("monai_nlseg.jobs.ray_cluster.optional_import", lambda _: (None, False))
    with pytest.raises(ValueError, match=r"pip install 'monai-nlseg\[ray\]'"), joined(None):
        pass
