"""Does anything grow that should not? Memory, objects and open files over episodes, new circuits, and runs.

Each curve is measured at equal steps. It leaks if its second half still rises by more than `SLACK` says, by the
straight line through it. `--plant` adds episodes whose every observation is kept by mistake, which must be found out.
"""

import argparse
import gc
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

SLACK = {"MiB": 4.0, "objects": 2_000.0, "files": 0.5}
"""Rise over the second half of a curve that counts as none: what allocators and caches that are full still move."""
POINTS = 20


def measure() -> tuple[float, int, int]:
    """Return resident memory in MiB, the objects that the collector knows, and the open files."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20, len(gc.get_objects()), len([*Path("/proc/self/fd").iterdir()])


def single(seed: int, **settings: object) -> Iterator[object]:
    """Play episodes with legal actions drawn at random; give the last observation of each."""
    import gymnasium as gym

    import qvar.envs  # noqa: F401
    from qvar.simulators import NoiseModel, PauliTransferSimulator

    engine = PauliTransferSimulator(NoiseModel.named("ourense"))
    env = gym.make("qvar/ArchitectureSearch-v0", problem="h2-2", engine=engine, max_gates=4, **settings)
    rng = np.random.default_rng(seed)
    _, info = env.reset(seed=seed)
    while True:
        observation, _, terminated, truncated, info = env.step(int(rng.choice(np.flatnonzero(info["action_mask"]))))
        if terminated or truncated:
            _, info = env.reset()
            yield observation


def _few() -> object:
    """Return an optimizer that needs few energies: shots are what is looked at here."""
    from qvar.optimizers import Cobyla

    return Cobyla(max_evaluations=8)


def vector(seed: int) -> Iterator[object]:
    """Play episodes in four environments at once."""
    import gymnasium as gym

    import qvar.envs  # noqa: F401

    envs = gym.make_vec("qvar/H2-2-v0", num_envs=4, vectorization_mode="sync", max_gates=4)
    rng = np.random.default_rng(seed)
    observations, info = envs.reset(seed=seed)
    while True:
        actions = [int(rng.choice(np.flatnonzero(mask))) for mask in info["action_mask"]]
        observations, _, terminated, truncated, info = envs.step(np.array(actions))
        for _ in range(int((terminated | truncated).sum())):
            yield observations


def circuits(seed: int) -> Iterator[object]:
    """Evaluate circuits nobody has seen before, with noise and without, for observables that change as well."""
    from qvar.simulators import (
        Circuit,
        NoiseModel,
        Observable,
        Operation,
        PauliTransferSimulator,
        Slot,
        StatevectorSimulator,
    )

    rng = np.random.default_rng(seed)
    engines = PauliTransferSimulator(NoiseModel.named("mumbai-median")), StatevectorSimulator()
    while True:
        gates = [Operation(str(g), (int(q),), (Slot(k),)) for k, (g, q) in enumerate(zip(*_draw(rng), strict=True))]
        gates.insert(4, Operation("cx", (0, int(rng.integers(1, 4)))))
        observable = Observable.from_terms({"".join(rng.choice(list("IXYZ"), 4)): float(rng.normal()), "ZZZZ": 1.0})
        for engine in engines:
            yield engine.objective(Circuit(4, tuple(gates)), observable).value_and_gradient(
                rng.normal(size=len(gates) - 1)
            )


def _draw(rng: np.random.Generator) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
    return rng.choice(["rx", "ry", "rz"], 8), rng.integers(0, 4, 8)


def runs(seed: int) -> Iterator[object]:
    """Begin runs, with their figures, read them back, and report them."""
    from dataclasses import replace

    from qvar.problems import find_problem
    from qvar.search import Evolution, run_search
    from qvar.search.presets import configure, limited
    from qvar.simulators import StatevectorSimulator

    base = configure("qvar", find_problem("h2-2"), StatevectorSimulator(), algorithm=Evolution())
    base = limited(base, episodes=1, max_energies=60)
    k = 0
    while True:
        with tempfile.TemporaryDirectory() as name:
            for _ in range(2):
                yield run_search(replace(base, seed=seed + k), out=Path(name, "run"), resume=True).energy
        k += 1


def planted(seed: int) -> Iterator[object]:
    """Episodes whose observations are all kept: the negative control."""
    kept = []
    for observation in single(seed):
        kept.append([np.array(observation) for _ in range(1000)])
        yield observation


CURVES: dict[str, tuple[Callable[[int], Iterator[object]], int]] = {
    "episodes under noise": (single, 5_000),
    "episodes with shots": (lambda seed: single(seed, shots=200, optimizer=_few()), 1_000),
    "episodes that remember circuits": (lambda seed: single(seed, remember=500), 2_000),
    "episodes of a vector of 4": (vector, 2_000),
    "new circuits": (circuits, 10_000),
    "runs begun and resumed": (runs, 40),
    "planted": (planted, 2_000),
}


def curve(name: str, scale: float, seed: int) -> NDArray[np.float64]:
    """Return measurements after equal steps, shape (POINTS + 1, 4): how many, MiB, objects, files."""
    work, n = CURVES[name]
    n = max(POINTS, int(n * scale))
    items, rows = work(seed), []
    for point in track(range(POINTS + 1), description=name, disable=not sys.stderr.isatty()):
        for _ in range(n * point // POINTS - n * (point - 1) // POINTS if point else max(2, n // POINTS)):
            next(items)  # those before the first measurement load and fill what is kept for good
        rows.append((n * point // POINTS, *measure()))
    return np.array(rows, dtype=np.float64)


def _kept(name: str, scale: float, seed: int, folder: Path | None) -> NDArray[np.float64]:
    """Measure a curve, or take the one that was measured before."""
    if folder is None:
        return curve(name, scale, seed)
    file = folder / f"{name}-{scale}-{seed}.txt"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        np.savetxt(file, curve(name, scale, seed))
    return np.loadtxt(file)


def rises(rows: NDArray[np.float64]) -> dict[str, float]:
    """Return by how much each quantity rises over the second half of a curve."""
    half = rows[len(rows) // 2 :]
    span = half[-1, 0] - half[0, 0]
    return {what: float(np.polyfit(half[:, 0], half[:, k], 1)[0] * span) for k, what in enumerate(SLACK, start=1)}


def is_leaking(rows: NDArray[np.float64]) -> bool:
    return any(rise > SLACK[what] for what, rise in rises(rows).items())


def draw(curves: dict[str, NDArray[np.float64]], path: Path) -> None:
    from qvar.runs.style import PAGE, new_figure, styled

    @styled
    def save() -> None:
        figure = new_figure(PAGE, 2.8)
        left, right = figure.subplots(1, 2)
        for name, rows in curves.items():
            share = rows[:, 0] / rows[-1, 0]
            left.plot(share, rows[:, 1] - rows[0, 1], label=f"{name} ({rows[-1, 0]:,.0f})")
            right.plot(share, rows[:, 2] - rows[0, 2])
        left.set(xlabel="share of the work", ylabel="resident memory gained (MiB)")
        right.set(xlabel="share of the work", ylabel="objects gained")
        left.set_yscale("symlog", linthresh=1.0)
        right.set_yscale("symlog", linthresh=100.0)
        figure.legend(loc="outside upper center", ncols=3, fontsize=6)
        figure.savefig(path, dpi=150)

    save()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full numbers")
    parser.add_argument("--curves", help="parts of the names of curves, separated by semicolons; by default all")
    parser.add_argument("--plant", action="store_true", help="add a leak that must be found")
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--keep", type=Path, help="folder of measured curves; those that are there are not done again")
    asked = parser.parse_args()
    logging.getLogger("qvar").setLevel(logging.ERROR)
    names = [name for name in CURVES if asked.plant or name != "planted"]
    parts = asked.curves.split(";") if asked.curves else [""]
    names = [name for name in names if any(part in name for part in parts)]
    curves, lines = {}, ["| work | times | MiB | objects | files | verdict |", "|---|---|---|---|---|---|"]
    for name in names:
        curves[name] = _kept(name, asked.scale, asked.seed, asked.keep)
        found = rises(curves[name])
        numbers = f"{found['MiB']:+.1f} | {found['objects']:+.0f} | {found['files']:+.1f}"
        verdict = "LEAKS" if is_leaking(curves[name]) else "steady"
        lines.append(f"| {name} | {curves[name][-1, 0]:,.0f} | {numbers} | {verdict} |")
        sys.stderr.write(f"{lines[-1]}\n")
    sys.stdout.write("\n".join(lines) + f"\n\nrise over the second half of the work; seed {asked.seed}\n")
    if asked.figure:
        draw(curves, asked.figure)
    raise SystemExit(any(is_leaking(rows) for rows in curves.values()))


if __name__ == "__main__":
    main()
