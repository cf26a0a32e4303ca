"""How far does each optimizer get with the same number of energies? One table, seeds and spread beside every number.

Run: python tests/benchmarks/optimizers.py [--budgets 500 2000] [--seeds 5] [--shots N] [--json] [--timing]

A fixed hardware-efficient circuit under the noise of a device, random starts (the same for all optimizers), exact
values or shots. A gradient by reverse sweep counts as four energies, one by parameter shift as what it costs. An
optimizer that would spend more is stopped, and the lowest value it has seen counts; one that stops by itself is not
started again, and what it spent stands in the table. Errors are exact noisy energies at the angles found, less the
lowest noisy energy that 200 long descents with exact gradients and all runs of the table have found.

With --timing another table: process time per value, the whole minimization in one compiled call and as plain Python,
in turns, medians over rounds.
"""

import argparse
import json
import os
import sys
import time
from dataclasses import replace

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

from qvar.optimizers import (
    AQGD,
    LBFGS,
    SPSA,
    Adam,
    AdamSPSA,
    Cobyla,
    CompactLBFGS,
    Rotosolve,
    limited_memory_bfgs,
    loops,
)
from qvar.problems import molecule
from qvar.search import ansatz
from qvar.simulators import NoiseModel, PauliTransferSimulator

TASKS = (("h2-4", "ourense"), ("lih-4", "mumbai-median"))
SWEEP = 4
"""Energies that a gradient by reverse sweep counts as."""


class BudgetSpent(Exception):
    """The next call would cost more than is left."""


class Budgeted:
    """Forward to an objective until the budget is spent; remember the lowest value seen."""

    def __init__(self, objective, budget):
        self.objective, self.left, self.best = objective, budget, (np.inf, None)
        self.price = SWEEP if objective.evaluations_per_gradient == 1 else objective.evaluations_per_gradient

    def __getattr__(self, name):
        return getattr(self.objective, name)

    def _pay(self, price):
        if price > self.left:
            raise BudgetSpent
        self.left -= price

    def _note(self, value, theta):
        if value < self.best[0]:
            self.best = (value, np.array(theta))

    def __call__(self, theta):
        self._pay(1)
        value = self.objective(theta)
        self._note(value, theta)
        return value

    def value_and_gradient(self, theta):
        self._pay(self.price)
        value, gradient = self.objective.value_and_gradient(theta)
        self._note(value, theta)
        return value, gradient


def optimizers(budget):
    """Settings that would spend the budget, or more; stopping rules are those of the defaults."""
    return {
        "COBYLA": Cobyla(max_evaluations=budget),
        "Rotosolve": Rotosolve(max_sweeps=budget),
        "L-BFGS": LBFGS(max_iterations=budget),
        "compact L-BFGS": CompactLBFGS(max_iterations=budget),
        "Adam": Adam(max_iterations=budget),
        "AQGD": AQGD(max_iterations=budget),
        "SPSA": SPSA(max_evaluations=budget - 1),
        "Adam-SPSA": AdamSPSA(max_evaluations=budget - 1),
        "Adam-SPSA, gains of LiH": AdamSPSA(budget - 1, *gains("lih-4")),
    }


def gains(task):
    spsa = AdamSPSA.published(task)
    return spsa.a, spsa.alpha, spsa.c, spsa.gamma, spsa.beta1, spsa.lam, spsa.beta2


def lowest_known(exact):
    rng = np.random.default_rng(99)
    starts = rng.uniform(-np.pi, np.pi, size=(200, exact.n_parameters))
    settings = {"max_iterations": 3000, "tolerance": 1e-7, "value_tolerance": 1e-13}
    return min(limited_memory_bfgs(exact.value_and_gradient, start, **settings).value for start in starts)


def run(exact, optimizer, *, budget, shots, seed):
    streams = np.random.SeedSequence(seed).spawn(3)
    start_rng, rng, shots_rng = map(np.random.default_rng, streams)
    start = start_rng.uniform(-np.pi, np.pi, size=exact.n_parameters)
    objective = Budgeted(exact if shots is None else exact.with_shots(shots, shots_rng), budget)
    try:
        theta = optimizer.minimize(objective, start, rng).parameters
    except BudgetSpent:
        theta = objective.best[1]
    return {"seed": seed, "energy": exact(theta), "spent": budget - objective.left}


def exact_objective(task, device):
    problem = molecule(task)
    engine = PauliTransferSimulator(NoiseModel.named(device))
    circuit = ansatz("efficient_su2", problem.n_qubits, coupling_map=engine.noise.coupling_map)
    return engine.objective(circuit, problem.observable)


def records(task, device, arguments):
    exact = exact_objective(task, device)
    found = []
    for budget in arguments.budgets:
        for name, optimizer in optimizers(budget).items():
            for seed in range(arguments.seeds):
                one = run(exact, optimizer, budget=budget, shots=arguments.shots, seed=seed)
                found.append({"task": task, "device": device, "optimizer": name, "budget": budget, **one})
        sys.stderr.write(f"{task}, budget {budget}: done\n")
    lowest = min(lowest_known(exact), *(record["energy"] for record in found))
    return [record | {"lowest": lowest, "error_mha": 1e3 * (record["energy"] - lowest)} for record in found]


def cell(rows):
    errors = [row["error_mha"] for row in rows]
    spread = np.std(errors, ddof=1) if len(errors) > 1 else 0.0
    return f"{np.mean(errors):.1f} ± {spread:.1f} (best {min(errors):.1f}; {np.mean([r['spent'] for r in rows]):.0f})"


def table(found, arguments):
    columns = [(task, budget) for task, _ in TASKS for budget in arguments.budgets]
    lines = ["| optimizer | " + " | ".join(f"{task}, {budget} energies" for task, budget in columns) + " |"]
    lines.append("|" + "---|" * (len(columns) + 1))
    for name in dict.fromkeys(record["optimizer"] for record in found):
        cells = []
        for task, budget in columns:
            wanted = (name, task, budget)
            cells.append(cell([r for r in found if (r["optimizer"], r["task"], r["budget"]) == wanted]))
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    lowest = {record["task"]: f"{record['task']} {record['lowest']:.6f} Ha" for record in found}
    values = "exact values" if arguments.shots is None else f"{arguments.shots} shots per measured circuit"
    devices = ", ".join(f"{task} under {device}" for task, device in TASKS)
    lines += [
        "",
        f"Error in mHa, mean ± standard deviation over seeds 0-{arguments.seeds - 1} (lowest error; energies spent).",
        f"{devices}; efficient_su2, {values}. Lowest noisy energies known: {', '.join(lowest.values())}.",
        "",
    ]
    return "\n".join(lines)


TIMED_TASKS = (("h2-4", "ourense"), ("lih-6", "mumbai-median"))
ROUNDS = 9
TIMED = {  # stopping rules out of reach, so that compiled and plain runs do the same
    "SPSA": SPSA(max_evaluations=1000, a=0.1),
    "Adam-SPSA": AdamSPSA(max_evaluations=1000),
    "Adam-SPSA, 3 stages, normal shots": AdamSPSA(stages=((600, 100), (300, 1000), (100, 10_000))),
    "Adam": Adam(max_iterations=400, tolerance=1e-12),
    "AQGD": AQGD(max_iterations=400, eta=0.1, tolerance=1e-15, parameter_tolerance=1e-15),
    "compact L-BFGS": CompactLBFGS(max_iterations=100, tolerance=1e-12, value_tolerance=1e-16),
    "Rotosolve, per sweep": Rotosolve(max_sweeps=100, tolerance=1e-300),
}


def microseconds(call):
    """Return what `call` returns and the process time of it per value in its history."""
    before = time.process_time()
    minimum = call()
    return minimum, (time.process_time() - before) / len(minimum.history) * 1e6


def minimized(optimizer, objective, start, *, compiled):
    """Return the minimum and the process time per value; the limit decides which of the two ways the loop runs."""
    if hasattr(objective, "draw"):
        objective = objective.with_shots(objective.shots, np.random.default_rng(1))
    before, loops._LONGEST_ENERGY = loops._LONGEST_ENERGY, np.inf if compiled else -1.0
    try:
        return microseconds(lambda: optimizer.minimize(objective, start, np.random.default_rng(0)))
    finally:
        loops._LONGEST_ENERGY = before


def timed_in_turns(name, optimizer, objective, start):
    """Return median times per value, compiled and plain, measured in turns; sweeps are counted as values."""
    if name.endswith("sweep"):
        plain = replace(optimizer, max_sweeps=5)
        per_sweep = 2 * len(start) + 1
    else:
        plain, per_sweep = optimizer, 1
    both = []
    for turn in range(ROUNDS + 1):
        ours = minimized(optimizer, objective, start, compiled=True)[1]
        twin = minimized(plain, objective, start, compiled=False)[1] * per_sweep
        both += [(ours, twin)] if turn else []  # the first turn loads machine code
    return np.median(both, axis=0)


def timings(task, device):
    """Return rows (name, microseconds compiled or None, microseconds plain), the first a bare energy from Python."""
    exact = exact_objective(task, device)
    start = np.random.default_rng(7).uniform(-np.pi, np.pi, size=exact.n_parameters)
    normal = exact.with_normal_shots(10_000, np.random.default_rng(1))
    rows = [("an energy from Python", None, median_time(lambda: exact(start), 1000))]
    rows += [("a gradient from Python", None, median_time(lambda: exact.value_and_gradient(start), 300))]
    for name, optimizer in (("COBYLA (NLopt)", Cobyla(max_evaluations=300)), ("L-BFGS (SciPy)", LBFGS())):
        per_value = [microseconds(lambda o=optimizer: o.minimize(exact, start, None))[1] for _ in range(ROUNDS)]
        rows.append((name, None, np.median(per_value)))
    for name, optimizer in TIMED.items():
        objective = normal if "normal" in name else exact
        rows.append((name, *timed_in_turns(name, optimizer, objective, start)))
    return rows


def median_time(call, n):
    """Return the median process time of a call in microseconds."""
    times = []
    for _ in range(ROUNDS):
        before = time.process_time()
        for _ in range(n):
            call()
        times.append((time.process_time() - before) / n * 1e6)
    return np.median(times)


def timing_table():
    columns = [timings(*task) for task in TIMED_TASKS]
    heads = [f"{task}, compiled, us | plain, us | plain / compiled" for task, _ in TIMED_TASKS]
    lines = ["| per value | " + " | ".join(heads) + " |", "|" + "---|" * (1 + 3 * len(columns))]
    for rows in zip(*columns, strict=True):
        cells = [
            f"{'' if ours is None else f'{ours:.1f}'} | {plain:.1f} | {'' if ours is None else f'{plain / ours:.1f}'}"
            for _, ours, plain in rows
        ]
        lines.append(f"| {rows[0][0]} | " + " | ".join(cells) + " |")
    devices = ", ".join(f"{task} under {device}" for task, device in TIMED_TASKS)
    return "\n".join([*lines, "", f"Process time, medians of {ROUNDS} rounds; {devices}; efficient_su2.", ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--budgets", type=int, nargs="+", default=[500, 2000])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--shots", type=int, default=None)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--timing", action="store_true")
    arguments = parser.parse_args()
    if arguments.timing:
        sys.stdout.write(timing_table())
        return
    found = [record for task, device in TASKS for record in records(task, device, arguments)]
    sys.stdout.write(json.dumps(found, indent=1) + "\n" if arguments.json else table(found, arguments))


if __name__ == "__main__":
    main()
