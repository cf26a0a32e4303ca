"""The reward of every circuit of a pool for one task: computed once, in parallel, and kept on disk."""

import hashlib
import json
import os
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qvar.latent.pool import CircuitPool
from qvar.latent.space import CircuitSpace, Structures
from qvar.latent.tasks.evaluating import check_fits, evaluate_keyed
from qvar.latent.tasks.task import Task
from qvar.runs.claim import LOCK, claim
from qvar.runs.sealed import read_arrays, tell, write_arrays
from qvar.runs.workers import workers
from qvar.simulators.checks import check_whole
from qvar.simulators.errors import LatentError
from qvar.simulators.untrusted import UNREADABLE, parse_json

__all__ = ["BaseRate", "Progress", "RewardTable", "compute_rewards", "rewards_identity"]

_FORMAT = "qvar-reward-table"
_VERSION = 1
_BLOCK = 500
"""Circuits of a block: what is lost at most by a kill."""


@dataclass(frozen=True)
class BaseRate:
    """How often a random circuit of a pool is a candidate.

    Attributes:
        candidates: circuits whose reward without noise reaches the threshold.
        circuits: circuits in all.
        rate: their quotient.
        low, high: a 95 % interval for the rate of the space that the pool was drawn from (Clopper and Pearson).
    """

    candidates: int
    circuits: int
    rate: float
    low: float
    high: float

    def expected(self, n_evaluations: int) -> tuple[float, float]:
        """Return mean and standard deviation of the candidates in so many draws from the pool without replacement."""
        n, share = n_evaluations, self.rate
        if not 1 <= n <= self.circuits:
            raise LatentError(f"of {self.circuits} circuits 1 to {self.circuits} can be drawn, got {n}")
        shrink = (self.circuits - n) / max(self.circuits - 1, 1)
        return n * share, float(np.sqrt(n * share * (1 - share) * shrink))


@dataclass(frozen=True)
class Progress:
    """How far a table is.

    Attributes:
        done: circuits done.
        fresh: those of them that this call trained.
        total: circuits in all.
        seconds: spent by this call.
        seconds_left: a guess.
    """

    done: int
    fresh: int
    total: int
    seconds: float
    seconds_left: float


@dataclass(frozen=True, eq=False)
class RewardTable:
    """Rewards of all circuits of a pool, in its order.

    Attributes:
        task: key of the task.
        identity: hash of task, structures and start angles.
        threshold: the task's.
        rewards: float64 of shape (P,), in [0, 1].
        values: what rewards are made of, shape (P,).
        ideal_rewards: rewards of the same angles without noise, shape (P,).
        ideal_values: their values, shape (P,).
        calls: values and gradients that each training took, int64 of shape (P,).
        angles: trained angles, shape (P, n_gates, 3), as in a pool; shape (0, 0, 0) if they were not asked for.
    """

    task: str
    identity: str
    threshold: float
    rewards: NDArray[np.float64]
    values: NDArray[np.float64]
    ideal_rewards: NDArray[np.float64]
    ideal_values: NDArray[np.float64]
    calls: NDArray[np.int64]
    angles: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.rewards)

    @property
    def is_candidate(self) -> NDArray[np.bool_]:
        """Which circuits reach the threshold, their trained angles being judged without noise, shape (P,).

        Noise raises every energy, so that noisy rewards hardly ever reach a threshold; a search sees `rewards`.
        """
        return self.ideal_rewards >= self.threshold

    def base_rate(self) -> BaseRate:
        """Return how often a random circuit is a candidate."""
        from scipy.stats import binomtest

        count, total = int(self.is_candidate.sum()), len(self)
        interval = binomtest(count, total).proportion_ci(0.95, method="exact")
        return BaseRate(count, total, count / total, float(interval.low), float(interval.high))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the table to `path` (.npz), atomically."""
        header = {"format": _FORMAT, "version": _VERSION, "task": self.task, "identity": self.identity}
        text = json.dumps(header | {"threshold": self.threshold})
        _write(Path(path), {"header": np.array(text), **{name: getattr(self, name) for name in _ARRAYS}})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "RewardTable":
        """Read a table that `save` wrote.

        Raises:
            LatentError: if the file is missing, or holds no table.
        """
        try:
            file = read_arrays(Path(path))
            header, arrays = parse_json(str(file["header"])), {name: file[name] for name in _ARRAYS}
            if header["format"] != _FORMAT or header["version"] != _VERSION:
                raise ValueError(f"format {header['format']!r} version {header['version']!r}")
            if len({len(arrays[name]) for name in _ARRAYS[:-1]}) != 1:
                raise ValueError("its columns differ in length")
            return cls(str(header["task"]), str(header["identity"]), float(header["threshold"]), **arrays)
        except UNREADABLE as error:
            raise LatentError(f"{os.fspath(path)!r} holds no reward table: {error}") from error


_ARRAYS = tuple(field.name for field in fields(RewardTable))[3:]


def rewards_identity(task: Task, pool: CircuitPool) -> str:
    """Return 16 hexadecimal digits that change with the task, the circuits, their order and their start angles.

    The threshold does not count: it says which rewards are candidates, not what they are.
    """
    digest = hashlib.sha256(json.dumps(task.to_dict(), sort_keys=True).encode())
    digest.update(json.dumps(pool.space.to_dict(), sort_keys=True).encode())
    digest.update(pool.structures.tobytes())
    digest.update(pool.angles.astype("<f8").tobytes())
    return digest.hexdigest()[:16]


def compute_rewards(
    task: Task,
    pool: CircuitPool,
    *,
    folder: str | os.PathLike[str] | None = None,
    n_jobs: int = 1,
    keep_angles: bool = False,
    progress: Callable[[Progress], object] | None = None,
) -> RewardTable:
    """Train every circuit of a pool on a task.

    The result does not depend on the number of processes, nor on interruptions: chance in training a circuit depends
    on the circuit alone.

    Args:
        task: what to train on.
        pool: circuits and start angles.
        folder: where the table is looked up and kept, `<task>-<identity>.npz`; blocks of 500 circuits are kept beside
            it on the way, so that a killed computation goes on where it was. None to keep nothing.
        n_jobs: processes.
        keep_angles: whether the table holds the trained angles.
        progress: called after every block.

    Raises:
        LatentError: if task and pool differ in qubits, or the kept table is damaged.
        RunError: if another process is at the same rewards in this folder.

    Example:
        >>> from qvar.latent.generation import generate_pool
        >>> from qvar.latent.tasks import find_latent_task
        >>> task = find_latent_task("maxcut-4")
        >>> table = compute_rewards(task, generate_pool(task.space, 200, seed=1))
        >>> 0.2 < table.base_rate().rate < 0.6
        True
    """
    check_fits(task, pool.space)
    check_whole("n_jobs", n_jobs, error=LatentError)
    identity = rewards_identity(task, pool)
    name = f"{task.key}-{identity}{'-angles' if keep_angles else ''}"
    store = None if folder is None else Path(folder)
    if store is not None and (store / f"{name}.npz").exists():
        table = RewardTable.load(store / f"{name}.npz")
        if (table.identity, len(table)) != (identity, len(pool)):
            raise LatentError(f"{store / name}.npz holds the rewards {table.identity}, not {identity}; remove it")
        return replace(table, task=task.key, threshold=task.threshold)
    parts = None if store is None else store / f"{name}.parts"
    with nullcontext() if parts is None else claim(parts, "rewards"):
        columns = _compute(task, pool, parts, n_jobs, keep_angles, progress)
        table = RewardTable(task.key, identity, task.threshold, **columns)
        if store is not None and parts is not None:
            table.save(store / f"{name}.npz")
            for part in sorted(parts.iterdir(), key=lambda file: file.name == LOCK):  # the lock at last
                part.unlink()
            parts.rmdir()
    return table


_Columns = dict[str, NDArray[np.float64] | NDArray[np.int64]]


@dataclass(frozen=True)
class _Block:
    """Consecutive circuits of a pool."""

    number: int
    task: Task
    space: CircuitSpace
    structures: Structures
    angles: NDArray[np.float64]
    keys: NDArray[np.uint64]
    keep_angles: bool


def _compute(
    task: Task,
    pool: CircuitPool,
    parts: Path | None,
    n_jobs: int,
    keep_angles: bool,
    progress: Callable[[Progress], object] | None,
) -> dict[str, Any]:
    blocks: dict[int, _Columns] = {}
    todo: list[_Block] = []
    for number, first in enumerate(range(0, len(pool), _BLOCK)):
        rows = slice(first, first + _BLOCK)
        known = None if parts is None else _read_part(parts / f"{number:05}.npz", len(pool.keys[rows]))
        if known is not None:
            blocks[number] = known
            continue
        columns = pool.structures[rows], pool.angles[rows], pool.keys[rows]
        todo.append(_Block(number, task, pool.space, *columns, keep_angles))
    before, start = len(blocks), time.perf_counter()
    known_rows = sum(len(block["rewards"]) for block in blocks.values())
    with workers(n_jobs) as work:
        for number, result in work(_train_block, todo):
            blocks[number] = result
            if parts is not None:
                _write(parts / f"{number:05}.npz", result)
            if progress is not None:
                seconds = time.perf_counter() - start
                fresh, left = len(blocks) - before, len(todo) - (len(blocks) - before)
                done = sum(len(block["rewards"]) for block in blocks.values())
                progress(Progress(done, done - known_rows, len(pool), seconds, seconds / fresh * left))
    return {name: np.concatenate([blocks[k][name] for k in range(len(blocks))]) for name in _ARRAYS}


def _train_block(block: _Block) -> tuple[int, _Columns]:
    """Return the number of the block and its columns."""
    n = len(block.keys)
    numbers = np.empty((4, n))
    calls = np.empty(n, dtype=np.int64)
    angles = np.zeros(block.angles.shape if block.keep_angles else (0, 0, 0))
    has_angle = block.space.n_angles[block.structures[..., 0]][..., None] > np.arange(3)  # (n, n_gates, 3)
    for k, key in enumerate(block.keys.tolist()):
        outcome = evaluate_keyed(block.task, block.space, block.structures[k], block.angles[k], key)
        numbers[:, k] = outcome.reward, outcome.value, outcome.ideal_reward, outcome.ideal_value
        calls[k] = outcome.calls
        if block.keep_angles:
            angles[k][has_angle[k]] = outcome.theta
    columns: _Columns = dict(zip(_ARRAYS, (*numbers, calls, angles), strict=True))
    return block.number, columns


def _read_part(path: Path, length: int) -> _Columns | None:
    """Return the columns of a finished block, None if it is not there or not whole."""
    try:
        file = read_arrays(path)
        columns: _Columns = {name: file[name] for name in _ARRAYS}
    except FileNotFoundError:
        return None
    except UNREADABLE as error:
        tell(f"{path} is corrupted: {error}; its circuits are trained again")
        return None
    return columns if len(columns["rewards"]) == length else None


def _write(path: Path, arrays: dict[str, NDArray[np.str_]] | _Columns) -> None:
    write_arrays(path, arrays, compressed=True)
