"""How does a noisy energy grow with qubits, gates and batch, and how far is it from what memory allows? A figure.

Run: python tests/benchmarks/scaling.py [--quick] [--json FILE] [--plot FILE]

Circuits as in `workload.py`. The limit is the machine's, measured in the same run: how many bytes per second a loop
moves that updates an array in place, for arrays of the size of each state, and of a size that no cache holds. A pass
over a state reads and writes each of its 4**n numbers once. Two limits follow: one pass per gate over the whole state,
which a simulator needs that takes gate after gate; and the passes that our plan really makes, over clusters of qubits
and with neighbouring rotations of a qubit merged. Times are minima over rounds: CPU time on one thread, wall time for
batches on threads.
"""

import argparse
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from workload import Case, noise_model  # sets one thread for all libraries, so before numpy

# isort: split

import numba
import numpy as np
from timing import alternate

from qvar.runs import style
from qvar.simulators import PauliTransferSimulator
from qvar.simulators.kernels import layout

QUBITS = tuple(range(2, 12))
GATES = (20, 60)
LENGTHS = (5, 10, 20, 40, 80, 160)
BATCHES = (1, 4, 16, 64, 256, 1024)
CIRCUITS = 6
LARGE = 2**25
"""Numbers in an array that no cache holds: 256 MiB."""


@numba.njit(nogil=True, error_model="numpy")
def update(array, times):
    """Read and write every number, `times` times."""
    for _ in range(times):
        for i in range(array.size):
            array[i] = 0.999 * array[i] + 1e-3


def bandwidth(numbers):
    """Bytes read and written per second by `update`, best of some."""
    array = np.ones(numbers)
    times = max(1, 2**21 // numbers)
    update(array, times)
    best = min(cpu_seconds(lambda: update(array, times)) for _ in range(4 if numbers == LARGE else 15))
    return 16 * numbers * times / best


def cpu_seconds(function):
    began = time.process_time()
    function()
    return time.process_time() - began


def free_cores():
    """How many times faster two threads of a plain loop are than one, best of some: 2 if a second core is free."""
    arrays = [np.ones(1024) for _ in range(2)]

    def work(array):
        update(array, 10000)

    with ThreadPoolExecutor(2) as pool:
        alone = wall_seconds(lambda: [work(array) for array in arrays])
        together = wall_seconds(lambda: list(pool.map(work, arrays)))
    return alone / together


def passes(objective):
    """Numbers in the states that the operations of a plan act on, one entry per operation."""
    ints = objective._program.arguments[0]
    rows = ints[ints[layout.OPS_AT] :][: layout.OP_SIZE * ints[layout.N_OPS]].reshape(-1, layout.OP_SIZE)
    return rows[:, layout.SIZE]


def energy_times(size, speeds, n_circuits):
    """Mean time of an energy, and the two limits, over circuits of one size."""
    cases = [Case.random(*size, sample, noise=noise_model()) for sample in range(n_circuits)]
    objectives = [PauliTransferSimulator(case.noise).objective(case.circuit, case.observable) for case in cases]
    functions = {
        k: lambda objective=objective, theta=case.theta: objective(theta)
        for k, (objective, case) in enumerate(zip(objectives, cases, strict=True))
    }
    times = alternate(functions, rounds=5, slice_seconds=0.01)
    plans = [sum(16 * s / speeds[int(s)] for s in passes(objective)) for objective in objectives]
    return {
        "n_qubits": size[0],
        "gates": size[1],
        "seconds": float(np.mean([t["min"] for t in times.values()])),
        "one pass per gate": size[1] * 16 * 4 ** size[0] / speeds[4 ** size[0]],
        "passes of the plan": float(np.mean(plans)),
    }


def batch_times(n_qubits, n_gates, batches):
    """Wall time per energy in batches on one thread and on two."""
    case = Case.random(n_qubits, n_gates, 0, noise=noise_model())
    objective = PauliTransferSimulator(case.noise).objective(case.circuit, case.observable)
    rng, rows = np.random.default_rng(case.seed), []
    for size in batches:
        thetas = rng.uniform(-np.pi, np.pi, (size, len(case.theta)))
        for threads in (1, 2):
            numba.config.NUMBA_NUM_THREADS = threads
            objective.batch(thetas)
            seconds = wall_seconds(lambda thetas=thetas: objective.batch(thetas))
            rows.append({"n_qubits": n_qubits, "batch": size, "threads": threads, "seconds": seconds / size})
    numba.config.NUMBA_NUM_THREADS = 1
    return rows


def wall_seconds(function, rounds=15):
    found = []
    while len(found) < rounds and sum(found) < 0.6:
        began = time.perf_counter()
        function()
        found.append(time.perf_counter() - began)
    return min(found)


def measure(*, quick):
    qubits = QUBITS[:7] if quick else QUBITS
    n_circuits = 2 if quick else CIRCUITS
    speeds = {4**n: bandwidth(4**n) for n in range(1, max(qubits) + 1)}
    record = {"bandwidth": [{"numbers": k, "bytes_per_second": v} for k, v in speeds.items()]}
    record["bandwidth of memory"] = bandwidth(LARGE)
    sizes = [(n, gates) for n in qubits for gates in GATES]
    record["qubits"] = [energy_times(size, speeds, n_circuits) for size in sizes]
    record["gates"] = [
        energy_times((n, k), speeds, n_circuits) for n in (2, 4, 6, 8)[: 3 if quick else 4] for k in LENGTHS
    ]
    record["batch"] = [row for n in (2, 4, 6, 8)[: 3 if quick else 4] for row in batch_times(n, 40, BATCHES)]
    record["free cores"] = free_cores()
    return record


def table(record):
    lines = [
        "| qubits, gates | energy, us | passes of the plan at full bandwidth, us | one pass per gate, us | "
        "state, KiB | bandwidth, GB/s |",
        "|" + " --- |" * 6,
    ]
    speeds = {row["numbers"]: row["bytes_per_second"] for row in record["bandwidth"]}
    for row in record["qubits"]:
        numbers = 4 ** row["n_qubits"]
        microseconds = (1e6 * row[key] for key in ("seconds", "passes of the plan", "one pass per gate"))
        cells = [f"{row['n_qubits']}, {row['gates']}", *(f"{x:.3g}" for x in microseconds)]
        lines.append(f"| {' | '.join(cells)} | {numbers / 128:.3g} | {speeds[numbers] / 1e9:.3g} |")
    memory = f"Arrays of {LARGE >> 17} MiB: {record['bandwidth of memory'] / 1e9:.3g} GB/s."
    threads = f"Two threads of a plain loop were {record['free cores']:.2f} times as fast as one."
    return "\n".join([*lines, "", memory, threads, *thread_gains(record), ""])


def thread_gains(record):
    """How much faster the largest batches are on two threads; nothing if there was no second core to be had."""
    if record["free cores"] < 1.5:
        return ["No second core was free, so batches on two threads say nothing and are left out of the figure."]
    found = {(r["n_qubits"], r["threads"]): r["seconds"] for r in record["batch"] if r["batch"] == BATCHES[-1]}
    gains = ", ".join(f"{found[n, 1] / found[n, 2]:.2f} ({n} qubits)" for n, k in found if k == 1)
    return [f"Batches of {BATCHES[-1]} on two threads, times as fast: {gains}."]


@style.styled
def figure(record, path):
    drawing = style.new_figure(style.PAGE, 3.8)
    qubits, gates, batch = drawing.subplots(1, 3)
    for colour, length in zip(style.COLOURS[:2], GATES, strict=True):
        rows = [row for row in record["qubits"] if row["gates"] == length]
        for key, look, label in (
            ("seconds", "o-", "measured"),
            ("passes of the plan", ":", "its passes at full bandwidth"),
            ("one pass per gate", "--", "one full pass per gate"),
        ):
            values = [row[key] for row in rows]
            qubits.semilogy(
                [row["n_qubits"] for row in rows], values, look, color=colour, label=f"{length} gates, {label}"
            )
    qubits.set(xlabel="qubits", title="energy")
    for k, n in enumerate(sorted({row["n_qubits"] for row in record["gates"]})):
        rows = [row for row in record["gates"] if row["n_qubits"] == n]
        colour, mark = style.COLOURS[k % len(style.COLOURS)], style.MARKS[k % len(style.MARKS)]
        times = [r["seconds"] for r in rows]
        gates.loglog([r["gates"] for r in rows], times, f"{mark}-", color=colour, label=f"{n} qubits")
        limits = [r["passes of the plan"] for r in rows]
        gates.loglog([r["gates"] for r in rows], limits, ":", color=colour)
    gates.set(xlabel="gates", title="energy; dotted: its passes\nat full bandwidth")
    for k, n in enumerate(sorted({row["n_qubits"] for row in record["batch"]})):
        for threads, look in ((1, "o-"), (2, "s--"))[: 1 + (record["free cores"] >= 1.5)]:
            rows = [r for r in record["batch"] if (r["n_qubits"], r["threads"]) == (n, threads)]
            label = f"{n} qubits, {threads} thread{'s' * (threads > 1)}"
            batch.loglog(
                [r["batch"] for r in rows], [r["seconds"] for r in rows], look, color=style.COLOURS[k], label=label
            )
    batch.set(xlabel="parameter vectors in a batch", title="energy in a batch, 40 gates,\nwall time")
    for axes in (qubits, gates, batch):
        axes.set_ylabel("seconds")
        axes.grid()
        axes.legend(fontsize=6, loc="upper left", bbox_to_anchor=(-0.2, -0.2))
    path.write_bytes(style.image(drawing, path.suffix.removeprefix(".")))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="up to 8 qubits and fewer circuits")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write the figure (.png, .pdf or .svg)")
    arguments = parser.parse_args()
    record = measure(quick=arguments.quick)
    if arguments.json:
        arguments.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    if arguments.plot:
        figure(record, arguments.plot)
    sys.stdout.write(table(record))


if __name__ == "__main__":
    main()
