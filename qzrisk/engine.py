"""Work over threads and processes: the only module that starts any.

Kernels handed to `map_blocks` hold no lock (`nogil`) and start no threads themselves. Processes are
spawned, never forked: a fork copies locks that other threads hold.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    as_completed,
)
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any, TypeVar

from qzrisk.errors import ConfigError

Block = TypeVar("Block")
Result = TypeVar("Result")


def map_blocks(
    function: Callable[[Block], Result], blocks: Iterable[Block], *, workers: int | None = None
) -> list[Result]:
    """Apply a function to every block and return the results in the order of the blocks.

    Parameters
    ----------
    function : callable of one block
    blocks : iterable
    workers : int, optional
        Threads; by default one a processor. The result does not depend on it.

    Examples
    --------
    >>> map_blocks(abs, [-1, 2, -3], workers=2)
    [1, 2, 3]
    """
    work = list(blocks)
    threads = min(workers or os.cpu_count() or 1, len(work))
    if threads <= 1:
        return [function(block) for block in work]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, work))


@dataclass(frozen=True, slots=True)
class Done:
    """How a task ended: with a result, or with the error that stopped it (else None)."""

    result: Any
    error: BaseException | None


def map_tasks(
    function: Callable[[Block], Result], tasks: Iterable[Block], *, workers: int | None = None,
    tick: Callable[[], None] = lambda: None,
) -> list[Done]:
    """Apply a function to every task in processes of their own; one that fails stops no other.

    Parameters
    ----------
    function : callable of one task, importable by its name
    tasks : iterable of what can be pickled
    workers : int, optional
        Processes; by default one a processor. 1 starts none and works in this process.
    tick : called after each task that ended

    Returns
    -------
    list of Done, in the order of the tasks

    Raises
    ------
    ConfigError
        If no process can do any task.

    Notes
    -----
    A task that kills its process takes those that wait with it; they are done again one after the
    other, so that only the guilty one is left with an error.

    Examples
    --------
    >>> [done.result for done in map_tasks(abs, [-1, 2], workers=1)]
    [1, 2]
    """
    work = list(tasks)
    count = min(workers or os.cpu_count() or 1, len(work))
    if count <= 1:
        # A thread, since its future keeps whatever error there is.
        return _through(ThreadPoolExecutor(1), function, work, tick)
    done = _through(_processes(count), function, work, tick)
    while lost := [rank for rank, end in enumerate(done) if isinstance(end.error, BrokenExecutor)]:
        again = _through(_processes(1), function, [work[rank] for rank in lost], tick)
        # With one process, the first that is lost again is the one that killed it.
        guilty = next((n for n, end in enumerate(again)
                       if isinstance(end.error, BrokenExecutor)), None)
        if guilty is not None:
            again[guilty] = Done(None, ConfigError("the process that did this was stopped",
                                                   mend="look at memory, then try again"))
        for rank, end in zip(lost, again, strict=True):
            done[rank] = end
        if guilty == 0 and not any(end.error is None for end in done):
            raise ConfigError(
                "worker processes stop at once", got=f"{len(work)} tasks, none done",
                mend="in a script put the call under if __name__ == '__main__', or use workers=1")
    return done


def _processes(count: int) -> Executor:
    return ProcessPoolExecutor(count, mp_context=get_context("spawn"))


def _through(pool: Executor, function: Callable[[Block], Result], work: Sequence[Block],
             tick: Callable[[], None]) -> list[Done]:
    try:
        futures = [pool.submit(function, task) for task in work]
        for future in as_completed(futures):
            if not isinstance(future.exception(), BrokenExecutor):
                tick()
        return [Done(None, error) if (error := future.exception()) else Done(future.result(), None)
                for future in futures]
    finally:
        # Interrupted, what has not begun never does.
        pool.shutdown(cancel_futures=True)
