"""Share a batch of independent evaluations among threads; kernels release the interpreter's lock.

One pool serves the process. It is made at the first batch that is worth it, and forgotten in a forked child, where its
threads do not exist. `NUMBA_NUM_THREADS` limits it, which joblib and the like set in their workers.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

__all__ = ["in_forked_child", "in_parallel", "thread_limit"]

_WORTH_SECONDS = 1e-3  # handing work over costs about 0.1 ms
_lock = threading.Lock()
_pool: ThreadPoolExecutor | None = None


def in_parallel(
    function: Callable[[int, int], None],
    n_items: int,
    seconds_each: float,
    *,
    most_parts: int | None = None,
    together: int = 1,
) -> None:
    """Call function(first, end) on contiguous parts of range(n_items), in threads if there is enough to do.

    `most_parts` limits the threads further, None for no limit. Parts begin at multiples of `together`, for functions
    that do so many items at once with other last digits than one alone.
    """
    n_groups = -(-n_items // together)
    n_parts = min(thread_limit(), n_groups, int(n_items * seconds_each / _WORTH_SECONDS))
    if most_parts is not None:
        n_parts = min(n_parts, most_parts)
    if n_parts < 2:
        function(0, n_items)
        return
    bounds = [min(n_items, n_groups * k // n_parts * together) for k in range(n_parts + 1)]
    futures = [_executor().submit(function, *pair) for pair in pairwise(bounds[1:])]
    function(bounds[0], bounds[1])
    for future in futures:
        future.result()


def thread_limit() -> int:
    """Return how many threads this process may use."""
    import numba

    return int(numba.config.NUMBA_NUM_THREADS)


def _executor() -> ThreadPoolExecutor:
    global _pool
    with _lock:
        if _pool is None:
            _pool = ThreadPoolExecutor(max(1, thread_limit() - 1), thread_name_prefix="qvar-batch")
        return _pool


def in_forked_child(function: Callable[[], None]) -> Callable[[], None]:
    """Let `function` run in every forked child: threads, and the locks they hold, must be forgotten there."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=function)
    return function


@in_forked_child
def _forget() -> None:
    global _pool, _lock
    _pool, _lock = None, threading.Lock()
