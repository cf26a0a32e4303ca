"""How fast are the simulators, beside their peers? Tables, ratios and a plot, measured side by side in one run.

Run: python tests/benchmarks/simulators.py [--quick] [--json FILE] [--plot FILE]

Every peer computes the same exact noisy energies of the same circuits (`workload.py`) in its fastest form (`peers.py`
and beside it); all must agree with ours to 1e-9, gradients included, before anything is timed. One thread each, CPU
time of the process, functions in turns, warm. What is timed:

- energy: one at a time through the public interface, as an optimizer asks for it;
- gradient: value and all derivatives, where the peer has an exact noisy gradient better than parameter shifts;
- set-up: from a circuit never seen before to a function of the angles, the observable known;
- batch: 64 parameter vectors in one call, per energy (Aer: AER_BINDS);
- sweep: one exact Rotosolve sweep over all angles, by the kernel;
- energy and gradient without noise: `StatevectorSimulator` and Qulacs.

Peers that are not installed are left out by name, and so is a peer at sizes where one call takes over CALL_LIMIT
seconds. Nothing here fails because something is slow; the last lines say which of our aims are met.
"""

import argparse
import json
import os
import platform
import sys
import time
import warnings
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from workload import Case, noise_model  # sets one thread for all libraries, so before numpy

# isort: split

import numpy as np
from peers import NOISY, compiles, is_importable
from peers_qulacs import QulacsPure
from report import figure, report
from timing import alternate

from qvar.simulators import PauliTransferSimulator, StatevectorSimulator
from qvar.simulators.kernels import compiled, layout, workspace

SIZES = tuple((n, gates) for n in (2, 3, 4, 6, 8, 10) for gates in (20, 60))
QUICK = ((2, 20), (4, 20), (4, 60), (6, 20))
PEER_CIRCUITS, OUR_CIRCUITS = 2, 8
"""Circuits of each size: random seeds (n_qubits, n_gates, 0), (n_qubits, n_gates, 1), ..."""
PACKAGES = ("numpy", "numba", "qiskit", "qiskit-aer", "Qulacs", "pennylane", "tensorcircuit-ng", "jax")
CALL_LIMIT = 2.0
COMPILED_UP_TO = {20: 6, 60: 4}
"""Qubits up to which peers that compile every circuit take part, by gates, and on the first circuit only."""
AER_BINDS = {8: 16, 10: 2}
BATCH = 64
TOLERANCE = 1e-9


def say(text):
    sys.stderr.write(text + "\n")


def check(what, value, expected):
    """Stop the run if a value is wrong: times of wrong answers mean nothing."""
    error = float(np.max(np.abs(np.asarray(value) - np.asarray(expected)), initial=0.0))
    if not error <= TOLERANCE:
        raise SystemExit(f"{what} differs by {error:.1e}")


class Sweep:
    """One sweep of Rotosolve from the same start at every call."""

    def __init__(self, objective, theta):
        self._kernel, self._arguments = compiled("rotosolve", "rotosolve"), objective._program.arguments
        ints = self._arguments[0]
        self._numbers = int(ints[layout.SCRATCH] + 2 * ints[layout.STATE_SIZE] + ints[layout.KEPT_SIZE])
        self._theta, self.history, self.order = theta, np.zeros(2), np.full(len(theta), -1)

    def __call__(self):
        theta = self._theta.copy()
        self._kernel(*self._arguments, theta, workspace(self._numbers), 1, 0.0, self.history, self.order)
        return theta

    def check(self, objective):
        """Compare with one angle after another in the same order, each by three energies."""
        moved, theta = self(), self._theta.copy()
        for slot in self.order[self.order >= 0]:
            points = np.tile(theta, (3, 1))
            points[:, slot] += (0, np.pi / 2, -np.pi / 2)
            here, plus, minus = objective.batch(points)
            theta[slot] += np.arctan2(-(plus - minus) / 2, (plus + minus) / 2 - here)
        check("an energy after Rotosolve", self.history[1], [objective(moved), objective(theta)])


def ours_alone(size, sample, rounds):
    """Time everything that we do on one circuit."""
    case = Case.random(*size, sample, noise=noise_model())
    engine = PauliTransferSimulator(case.noise)
    objective = engine.objective(case.circuit, case.observable)
    sweep = Sweep(objective, case.theta)
    sweep.check(objective)
    thetas = np.tile(case.theta, (BATCH, 1))
    functions = {
        "energy": lambda: objective(case.theta),
        "gradient": lambda: objective.value_and_gradient(case.theta),
        "batch": lambda: objective.batch(thetas),
        "sweep": sweep,
    }
    times = alternate(functions, rounds=rounds)
    times["batch"] = {kind: seconds / BATCH for kind, seconds in times["batch"].items()}
    times["set-up"] = setup_times(engine, case, rounds)
    return {"n_qubits": size[0], "gates": size[1], "sample": sample, "times": times}


def setup_times(engine, case, rounds):
    slices = []
    for _ in range(rounds):
        circuits = [case.fresh_circuit() for _ in range(50)]
        began = time.process_time()
        for circuit in circuits:
            engine.objective(circuit, case.observable)
        slices.append((time.process_time() - began) / len(circuits))
    return {"min": min(slices), "median": float(np.median(slices))}


class Limits:
    """Which peer is left out where: told by itself, by a call that took too long, or by the same at fewer qubits."""

    def __init__(self):
        self.taken, self.reasons = {}, {}

    def allows(self, name, size):
        n_qubits, gates = size
        known = [(n, s) for (who, n, g), s in self.taken.items() if (who, g) == (name, gates) and n <= n_qubits]
        if known:
            smaller, seconds = max(known)
            expected = seconds * 4.0 ** (n_qubits - smaller)
            if seconds > 0.05 and expected > CALL_LIMIT:
                self.reasons[name, n_qubits, gates] = f"a call would take about {expected:.0f} s"
                return False
        return True

    def took(self, name, size, seconds):
        self.taken[(name, *size)] = seconds
        if seconds > CALL_LIMIT:
            self.reasons[(name, *size)] = f"a call takes {seconds:.0f} s"
        return seconds <= CALL_LIMIT


def beside_peers(size, sample, rounds, peers, limits):
    """Time one circuit by ours and all peers, in turns."""
    case = Case.random(*size, sample, noise=noise_model())
    objective = PauliTransferSimulator(case.noise).objective(case.circuit, case.observable)
    value, gradient = objective.value_and_gradient(case.theta)
    thetas = np.random.default_rng(case.seed).uniform(-np.pi, np.pi, (BATCH, len(case.theta)))
    energies = np.array([objective(theta) for theta in thetas])
    check("a batch", objective.batch(thetas), energies)
    binds = AER_BINDS.get(size[0], BATCH)
    setup = {}
    functions = {
        "energy ours": lambda: objective(case.theta),
        "gradient ours": lambda: objective.value_and_gradient(case.theta),
        "batch ours": lambda: objective.batch(thetas),
    }
    counts = {"batch ours": BATCH}
    for peer in peers:
        if size[0] > COMPILED_UP_TO[size[1]] and compiles(peer):
            limits.reasons[peer.title, *size] = "left out, for it takes long to compile"
            continue
        if compiles(peer) and sample:
            continue
        if not limits.allows(peer.title, size):
            continue
        made, setup[peer.title] = timed(peer, case)
        if not compiles(peer):
            setup[peer.title] = min(setup[peer.title], timed(peer, case)[1])
        found, seconds = timed(made, case.theta)
        check(f"{peer.title} at {size}", found, value)
        if limits.took(peer.title, size, seconds):
            functions[f"energy {peer.title}"] = lambda made=made: made(case.theta)
        gradient_name = f"{peer.title}, gradient"
        if hasattr(made, "gradient") and limits.allows(gradient_name, size):
            check(f"the gradient of {peer.title} at {size}", made.gradient(case.theta), gradient)
            if limits.took(gradient_name, size, timed(made.gradient, case.theta)[1]):
                functions[f"gradient {peer.title}"] = lambda made=made: made.gradient(case.theta)
        if hasattr(made, "batch"):
            check(f"{peer.title} in batches", made.batch(thetas[:binds]), energies[:binds])
            functions[f"batch {peer.title}"] = lambda made=made: made.batch(thetas[:binds])
            counts[f"batch {peer.title}"] = binds
    times = alternate(functions, rounds=rounds)
    for name, count in counts.items():
        times[name] = {kind: seconds / count for kind, seconds in times[name].items()}
    times |= {f"set-up {name}": {"min": seconds, "median": seconds} for name, seconds in setup.items()}
    return {"n_qubits": size[0], "gates": size[1], "sample": sample, "times": times}


def timed(function, *arguments):
    began = time.process_time()
    result = function(*arguments)
    return result, time.process_time() - began


def noiseless(size, sample, rounds):
    """Time energies and gradients of state vectors."""
    case = Case.random(*size, sample, noise=None)
    ours, peer = StatevectorSimulator().objective(case.circuit, case.observable), QulacsPure(case)
    value, gradient = ours.value_and_gradient(case.theta)
    check(f"{peer.title} at {size}", peer(case.theta), value)
    check(f"the gradient of {peer.title} at {size}", peer.gradient(case.theta), gradient)
    functions = {
        "energy ours": lambda: ours(case.theta),
        "gradient ours": lambda: ours.value_and_gradient(case.theta),
        f"energy {peer.title}": lambda: peer(case.theta),
        f"gradient {peer.title}": lambda: peer.gradient(case.theta),
    }
    times = alternate(functions, rounds=rounds)
    return {"n_qubits": size[0], "gates": size[1], "sample": sample, "times": times}


def warm_up(peers):
    """Let every library load and initialize itself, which none of the numbers should include."""
    case = Case.random(2, 4, 0, noise=noise_model())
    for peer in (*peers, QulacsPure):
        if is_importable(peer):
            made = peer(case)
            made(case.theta)
            getattr(made, "gradient", made)(case.theta)


def versions():
    """What ran, in one line."""
    found = [f"Python {platform.python_version()}"]
    for package in PACKAGES:
        try:
            found.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            continue
    return ", ".join(found)


def measure(*, quick):
    sizes, rounds = (QUICK, 3) if quick else (SIZES, 7)
    missing = [peer.title for peer in (*NOISY, QulacsPure) if not is_importable(peer)]
    peers = [peer for peer in NOISY if is_importable(peer) and not (quick and compiles(peer))]
    limits, began = Limits(), time.perf_counter()
    warm_up(peers)
    record = {"ours": [], "peers": [], "noiseless": []}
    for size in sizes:
        record["ours"] += [ours_alone(size, k, rounds) for k in range(3 if quick else OUR_CIRCUITS)]
        for sample in range(1 if quick else PEER_CIRCUITS):
            record["peers"].append(beside_peers(size, sample, rounds, peers, limits))
            if is_importable(QulacsPure):
                record["noiseless"].append(noiseless(size, sample, rounds))
        say(f"{size[0]} qubits, {size[1]} gates: done after {time.perf_counter() - began:.0f} s")
    left_out = [f"{name} at {n} qubits, {gates} gates: {why}" for (name, n, gates), why in limits.reasons.items()]
    facts = {"versions": versions(), "load": os.getloadavg()[1] - 1, "seconds": time.perf_counter() - began}
    return record | {"missing": missing, "left_out": left_out, **facts}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="four sizes, no peer that compiles; under a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="write the figure (.png, .pdf or .svg)")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # of the peers, about themselves
    record = measure(quick=arguments.quick)
    if arguments.json:
        arguments.json.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    if arguments.plot:
        figure(record, arguments.plot)
    sys.stdout.write(report(record))


if __name__ == "__main__":
    main()
