"""The random generator that all of qiskit-machine-learning shares."""

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["global_seed"]


@contextmanager
def global_seed(seed: int) -> Iterator[None]:
    """Seed that generator for a while; afterwards its old seed is put back, which starts its sequence anew."""
    from qiskit_machine_learning.utils import algorithm_globals

    before = algorithm_globals.random_seed
    algorithm_globals.random_seed = seed
    try:
        yield
    finally:
        algorithm_globals.random_seed = before
