"""The same work on many things, in parallel processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

import torch

S = TypeVar("S")
T = TypeVar("T")


def in_processes(
    work: Callable[[S], T],
    things: Sequence[S],
    jobs: int,
    lost: Callable[[S], T],
    preload: str,
    on_result: Callable[[T], None] = lambda result: None,
) -> list[T]:
    """Return the result of ``work`` for each thing, in their order; the results do not depend on ``jobs``.

    Args:
        work: picklable function of one thing.
        things: what it is called with.
        jobs: number of processes, each of which works in one thread. With 1, this process does all the work. A script
            that gives more must guard its main part by ``if __name__ == "__main__"``, as multiprocessing requires.
        lost: result for a thing whose process died, as happens when memory runs out.
        preload: name of the module that every process needs, which is imported once where the system allows it.
        on_result: called in this process after each thing, in the order in which they end.
    """
    jobs = min(jobs, len(things))
    if jobs <= 1:
        results = []
        for thing in things:
            results.append(work(thing))
            on_result(results[-1])
        return results

    ended: dict[int, T] = {}
    pool = ProcessPoolExecutor(jobs, _processes(preload), initializer=_single_thread)
    try:
        running = {pool.submit(work, thing): number for number, thing in enumerate(things)}
        for future in as_completed(running):
            number = running[future]
            try:
                ended[number] = future.result()
            except BrokenProcessPool:
                ended[number] = lost(things[number])
            on_result(ended[number])
    finally:
        pool.shutdown(cancel_futures=True)
    return [ended[number] for number in range(len(things))]


def _processes(preload: str) -> multiprocessing.context.BaseContext:
    # A fork of this process would hang in PyTorch's threads. A fork server imports PyTorch once.
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([preload])
    return context


def _single_thread() -> None:
    torch.set_num_threads(1)
