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
        # Ray kills workers where the machine's memory is nearly full, whoever has it.
        patch.setenv("RAY_memory_monitor_refresh_ms", "0")
        # The nodes have the configuration of the head. On a busy machine, a second is too little to learn of a death.
        config = {"timeout_ms_task_wait_for_death_info": 10_000}
        head = {**NODE, "include_dashboard": False, "_system_config": config}
        cluster = Cluster(initialize_head=True, head_node_args=head)
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
