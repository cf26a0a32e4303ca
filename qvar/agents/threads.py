"""Keep PyTorch and the linear-algebra libraries, which otherwise fight over the cores, to so many threads."""

from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

__all__ = ["limited_threads"]


@contextmanager
def limited_threads(count: int, *, with_torch: bool) -> Iterator[None]:
    """Work with `count` threads in here; sums then come out the same everywhere.

    Args:
        count: threads, at least 1.
        with_torch: whether PyTorch is at work, too; without it, it is not even loaded.
    """
    with threadpool_limits(count, user_api="blas"):
        if not with_torch:
            yield
            return
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(count)
        try:
            yield
        finally:
            torch.set_num_threads(before)
