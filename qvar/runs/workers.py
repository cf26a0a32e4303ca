"""Carry out many independent pieces of work: in this process, in processes beside it, or on a Dask cluster.

Carried by joblib. Sweeps of searches and comparisons of classifiers go through here.
"""

import signal
import socket
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from qvar.simulators.errors import RunError
from qvar.simulators.extras import how_to_install

__all__ = ["Work", "WorkerDied", "usable_cores", "workers"]

Work = Callable[[Callable[[Any], Any], Sequence[Any]], Iterator[Any]]
"""Applies a function to items and gives the results as they come, in any order; may raise `WorkerDied`."""


class WorkerDied(Exception):
    """A worker process died, killed by the system or by a fault outside of Python."""


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    import joblib

    return int(joblib.cpu_count())


@contextmanager
def workers(jobs: int, cluster: str | None = None) -> Iterator[Work]:
    """Give the means to carry out work.

    Args:
        jobs: pieces of work at a time, each in a process of its own; 1 for this process. A cluster decides itself.
        cluster: address of a Dask scheduler, such as "tcp://host:8786", None for this machine.

    Raises:
        RunError: if no cluster answers, or its workers do not suit.
    """
    from joblib import parallel_config

    if cluster is not None:
        with _dask_client(cluster) as client, parallel_config(backend="dask", client=client):
            yield lambda function, items: _in_parallel(function, items, jobs=-1)
    elif jobs == 1:
        yield lambda function, items: map(function, items)
    else:
        threads = max(1, usable_cores() // jobs)
        with parallel_config(backend="loky", inner_max_num_threads=threads), warnings.catch_warnings():
            # Loky starts a worker anew if it has grown, as every worker does that loads PyTorch in a later run.
            warnings.filterwarnings("ignore", message="A worker stopped while some jobs")
            try:
                yield lambda function, items: _in_parallel(function, items, jobs=jobs)
            finally:
                _end_processes()


def _end_processes() -> None:
    """End the worker processes, which would wait for other work: if this process is killed, nobody would tell them."""
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown(wait=True, kill_workers=True)


def _in_parallel(function: Callable[[Any], Any], items: Sequence[Any], *, jobs: int) -> Iterator[Any]:
    from joblib import Parallel, delayed

    parallel = Parallel(n_jobs=jobs, batch_size=1, return_as="generator_unordered")
    try:
        with _deaf_to_ctrl_c():
            results = parallel(delayed(function)(item) for item in items)
        yield from results
    except BrokenProcessPool as error:
        raise WorkerDied from error
    except Exception as error:
        if type(error).__name__ == "KilledWorker":  # Dask's word for it; the class is there only if Dask is
            raise WorkerDied from error
        raise


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Start processes that Ctrl-C, which comes to all of a terminal, does not reach: this one hears it and ends them.

    It would find a process that is just starting in the middle of an import. This one hears it when all are started.
    """
    from multiprocessing import resource_tracker

    from joblib.externals.loky.backend import resource_tracker as trackers_of_loky

    for tracker in (resource_tracker, trackers_of_loky):
        tracker.ensure_running()  # the start of these helpers would open our ears again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _dask_client(address: str) -> Iterator[Any]:
    """Give a client of the Dask scheduler at `address`, after a look at its workers."""
    try:
        from distributed import Client
    except ImportError:
        raise RunError(f"a cluster needs Dask; {how_to_install('cluster')}") from None
    _check_answers(address)
    with Client(address, timeout="10s", set_as_default=False) as client:
        threads = client.nthreads()
        if not threads:
            raise RunError(f"the Dask scheduler at {address} has no workers; start some with: dask worker {address}")
        if max(threads.values()) > 1:
            raise RunError(
                f"the Dask workers at {address} run up to {max(threads.values())} searches in one process, which "
                f"disturb each other; start them with: dask worker {address} --nthreads 1 --nworkers N"
            )
        yield client


def _check_answers(address: str) -> None:
    """Raise RunError unless something answers at "tcp://host:port"; an unanswered Dask client is hard to end."""
    place = urlsplit(address if "//" in address else f"tcp://{address}")
    try:
        if place.hostname is None or place.port is None:
            raise ValueError("an address reads tcp://host:8786")
        socket.create_connection((place.hostname, place.port), timeout=10).close()
    except (OSError, ValueError) as error:
        raise RunError(f"no Dask scheduler answers at {address!r}: {error}") from error
