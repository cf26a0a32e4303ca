"""Draw pools of different random circuits, on all cores, the same for any number of them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from qvar.latent.canonical import canonical, keys_of_canonical
from qvar.latent.pool import CircuitPool, DrawReport
from qvar.latent.space import CircuitSpace, Structures
from qvar.runs.workers import usable_cores
from qvar.simulators.checks import check_whole
from qvar.simulators.errors import LatentError
from qvar.simulators.kernels import compiled
from qvar.simulators.memory import check_memory

__all__ = ["Method", "generate_pool"]

Method = Literal["gates", "layers"]

_BLOCK = 2_000  # circuits from one seed
_MOST_DRAWS = 2_000_000  # per block, too deep ones counted
_BYTES_PER_KEY = 100  # of a set of Python's whole numbers
_PATIENCE = 5  # blocks without a single new circuit


@dataclass(frozen=True)
class _Block:
    structures: Structures
    too_deep: int


def generate_pool(
    space: CircuitSpace, n_circuits: int, *, seed: int, method: Method = "gates", n_jobs: int | None = None
) -> CircuitPool:
    """Return a pool of different circuits of a space, in canonical form, in the order in which they were drawn.

    "gates" draws gate after gate, type and place uniform, and draws the whole circuit anew if it becomes too deep.
    "layers" draws layers, each of one gate type: one-qubit gates on the even or on the odd wires, two-qubit gates on a
    random set of disjoint places that leaves room for no further one; the last layer is cut at `n_gates`.

    Args:
        space: what to draw from.
        n_circuits: circuits wanted, at least 1.
        seed: of the structures and of the angles, at least 0.
        method: how circuits are drawn.
        n_jobs: threads, None for all cores; the pool does not depend on it.

    Raises:
        LatentError: if the space gives no more new circuits, or none shallow enough.

    Source: Sun, Wu, Ma and Tresp, arXiv 2401.11576 ("gates"); Zhang, Hsieh, Zhang and Yao, arXiv 2103.06524, describe
    both ways.
    Differs from the source: circuits differ as circuits, not as lists with angles, whose test for repetition never
    fired in the authors' code.

    Example:
        >>> pool = generate_pool(CircuitSpace.published(4), 100, seed=1)
        >>> len(pool), len(set(pool.keys.tolist()))
        (100, 100)
    """
    wanted = check_whole("n_circuits", n_circuits, error=LatentError)
    check_whole("seed", seed, least=0, error=LatentError)
    if method not in get_args(Method):
        raise LatentError(f"circuits are drawn by {' or '.join(get_args(Method))}, got {method!r}")
    n_bytes = wanted * (2 * 3 * space.n_gates + _BYTES_PER_KEY)
    check_memory(n_bytes, f"a pool of {wanted:,} circuits", advice="ask for fewer circuits", error=LatentError)
    jobs = check_whole("n_jobs", usable_cores() if n_jobs is None else n_jobs, error=LatentError)
    seen: set[int] = set()
    kept: list[Structures] = []
    drawn = too_deep = duplicates = idle = 0
    for block in _blocks(space, seed, method, jobs):
        found = keys_of_canonical(block.structures)
        new = _new_rows(found, seen)
        drawn += len(block.structures) + block.too_deep
        too_deep += block.too_deep
        duplicates += len(block.structures) - len(new)
        kept.append(block.structures[new])
        seen.update(found[new].tolist())
        idle = 0 if len(new) else idle + 1
        if len(seen) >= wanted:
            report = DrawReport(method, drawn, too_deep, duplicates)
            return CircuitPool(space, np.concatenate(kept)[:wanted], seed, report)
        if idle == _PATIENCE:
            raise LatentError(_exhausted(space, len(seen), drawn, too_deep))
    raise AssertionError("the blocks never end")


def _blocks(space: CircuitSpace, seed: int, method: Method, jobs: int) -> Iterator[_Block]:
    """Give blocks in the order of their numbers; a few are drawn ahead."""
    places = [space.placements(gate) for gate in space.gates]
    starts = np.cumsum([0, *map(len, places)], dtype=np.int64)
    joined = np.concatenate(places)
    draw = compiled("qvar.latent.kernels", "draw")

    def block(number: int) -> _Block:
        words = np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)
        structures = np.empty((_BLOCK, space.n_gates, 3), dtype=np.int8)
        arguments = (joined, starts, space.n_qubits, space.max_depth, method == "layers", _MOST_DRAWS)
        done, deep = draw(structures, words[0], *arguments)
        return _Block(canonical(space, structures[:done]), int(deep))

    with ThreadPoolExecutor(jobs) as threads:
        numbers = count()
        ahead = [threads.submit(block, next(numbers)) for _ in range(jobs)]
        while True:
            yield ahead.pop(0).result()
            ahead.append(threads.submit(block, next(numbers)))


def _new_rows(found: NDArray[np.uint64], seen: set[int]) -> NDArray[np.intp]:
    """Return the rows that hold a key for the first time."""
    _, first = np.unique(found, return_index=True)
    rows = sorted(int(row) for row in first if int(found[row]) not in seen)
    return np.array(rows, dtype=np.intp)


def _exhausted(space: CircuitSpace, n_found: int, drawn: int, too_deep: int) -> str:
    if n_found == 0:
        return (
            f"{drawn} circuits of {space.n_gates} gates were drawn, and all are deeper than {space.max_depth}; allow "
            "more depth, or fewer gates"
        )
    return (
        f"only {n_found} different circuits of this space turned up in {drawn} draws ({too_deep} too deep); ask for "
        "fewer circuits, or widen the space"
    )
