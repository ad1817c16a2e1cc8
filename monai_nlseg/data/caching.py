"""How many cases are kept in memory."""

from __future__ import annotations

from monai_nlseg.machine import free_memory

SHARE = 0.5
"""Share of the free memory that cached cases may take; the network and its training need the rest."""


def cache_share(gigabytes: float) -> float:
    """Return the share of the cases that fit into half of the free memory, ``cache_rate`` of MONAI's CacheDataset.

    Args:
        gigabytes: memory of all cases together, in units of 10^9 bytes.

    Examples::

        >>> cache_share(0.0)
        1.0
    """
    needed = gigabytes * 1e9
    return 1.0 if needed <= 0 else min(1.0, SHARE * free_memory() / needed)
