"""Blocks of work over threads: the only module that starts any.

Kernels handed to it hold no lock (`nogil`) and start no threads themselves.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

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
