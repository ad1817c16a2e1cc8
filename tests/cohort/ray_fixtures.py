"""A Ray cluster of two nodes on this machine, one for all test modules that name this one in ``pytest_plugins``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

__all__ = ["cluster", "second"]

NODE = {"num_cpus": 1, "object_store_memory": 80 << 20}


@pytest.fixture(scope="session")
def cluster() -> Iterator[Any]:
    """``ray.cluster_utils.Cluster``: the head and another node, of one CPU each."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.delenv("RAY_ADDRESS", raising=False)
        cluster = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
        cluster.add_node(**NODE)
        yield cluster
        cluster.shutdown()


@pytest.fixture
def second(cluster: Any) -> Iterator[Any]:
    """The node that is not the head; another takes its place if the test has removed it."""
    node = next(iter(cluster.worker_nodes))
    yield node
    if node not in cluster.worker_nodes:
        cluster.add_node(**NODE)
