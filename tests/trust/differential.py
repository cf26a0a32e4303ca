"""Do all engines agree with Qiskit Aer, Qulacs and PennyLane? Random circuits, random noise, every native gate.

Run: python tests/trust/differential.py [--circuits N] [--seed S] [--out FOLDER] [--figure FILE] [--only K ...]

Each case is drawn as plain data (`differential_cases`) from the seed and its number. The peers build it with their own
gates and noise (`differential_peers`), every engine of this package builds it directly from the same data, and some
parts go through our converters (`differential_engines`). Compared are energies, whole states and gradients, the latter
with parameter shifts on Qulacs and with back-propagation in PennyLane. Deviations are appended to FOLDER, one line per
case; a campaign that was stopped goes on where it was. A case that fails is printed with all that can go left out.

Coefficients of an observable sum to 1 in absolute value, so deviations are relative to the largest energy possible.
"""

import argparse
import json
import os
import platform
import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from rich.progress import track

from tests.trust.differential_cases import random_case, smallest_failing
from tests.trust.differential_engines import parts, sampler
from tests.trust.differential_faults import FAULTS, planted
from tests.trust.differential_peers import Aer, PennyLane, Qulacs, energy, measurement, pauli_vector

TOLERANCE = {"Aer": 1e-11, "Qulacs": 1e-12, "PennyLane": 1e-11, "AerSimulator, matrix_product_state": 1e-9}
"""Of energies, states, overlaps and gradients alike, by peer and engine; the larger one holds.

Aer takes relaxation as two shares of damping, whose difference leaves rounding of 3e-12 where hardly any coherence is
left. PennyLane adds 2e-16 under roots and finds the operators of thermal relaxation as eigenvectors, so a channel of
its own is off by up to 4e-14. Aer's matrix product states are cut off where singular values are small."""
ALARM = 1e-9
"""Smallest p value of samples. A campaign has a false alarm with probability below 1e-9 per sampled case."""
CHUNK = 40
PACKAGES = ("numpy", "numba", "qiskit", "qiskit-aer", "qulacs", "pennylane")


def judged(case, number, aer_state, qulacs, pennylane):
    """Return `{peer: {quantity: value}}` of a case; rows of arrays belong to the first angle vectors."""
    operator = measurement(case)
    states = np.array([qulacs.density_matrix(case, theta) for theta in case.thetas])
    answers = {"Qulacs": _read(states, operator), "Aer": _read(aer_state[None], operator)}
    answers["Qulacs"]["gradient"] = qulacs.gradient(case, case.thetas[0], operator)
    if not case.is_noisy:
        answers["Qulacs"]["overlap"] = np.full(2, 1 - energy(*states))
        answers["Qulacs"]["overlap gradient"] = qulacs.gradient(case, case.thetas[0], -states[1])
    if case.n_qubits <= 4 and number % 4 in (0, 1):
        answers["PennyLane"] = _read(pennylane.density_matrix(case, case.thetas[0])[None], operator)
        if case.n_qubits <= 3 and number % 16 in (0, 1) and case.n_parameters:
            answers["PennyLane"]["gradient"] = pennylane.gradient(case, case.thetas[0], operator)
    return answers


def _read(states, operator):
    energies = np.array([energy(rho, operator) for rho in states])
    return {"energy": energies, "state": np.array([pauli_vector(rho) for rho in states]), "density": states}


def deviations(results, answers):
    """Return `{"quantity|peer": largest deviation}` of one engine's results."""
    worst = {}
    for name, value in results.items():
        quantity = name.split(",")[0]
        for peer, answer in answers.items():
            if quantity in answer:
                expected = np.asarray(answer[quantity])
                found = np.asarray(value)[: len(expected)]
                same = found.shape == expected.shape
                size = float(np.abs(found - expected).max(initial=0.0)) if same else np.inf
                size = size if size == size else np.inf  # what is no number is as wrong as can be
                worst[f"{quantity}|{peer}"] = max(worst.get(f"{quantity}|{peer}", 0.0), size)
    return worst


def compare(case, number, answers):
    """Return `{"engine|quantity|peer": deviation}` and `{engine: message}` of those that raised."""
    found, broken = {}, {}
    for engine, (runs, compute) in parts().items():
        if runs(case, number):
            try:
                results = compute(case)
            except Exception as error:  # whatever an engine raises is a finding
                broken[engine] = f"{type(error).__name__}: {error}"
                continue
            found |= {f"{engine}|{key}": size for key, size in deviations(results, answers).items()}
    return found, broken


def record_of(number, case, answers, seed):
    """Return the line of a case."""
    found, broken = compare(case, number, answers)
    for peer in [name for name in answers if name != "Qulacs"]:  # do the judges agree?
        size = float(np.abs(answers[peer]["density"][0] - answers["Qulacs"]["density"][0]).max())
        found[f"{peer}|density|Qulacs"] = size
    line = {"circuit": number, "n_qubits": case.n_qubits, "deviations": found, "broken": broken}
    if number % 10 == 7:
        line["p"] = sampler(case, answers["Qulacs"]["density"][0], [seed, number])["p"]
    if number % 19 == 0:
        line["faults"] = {name: size for name in FAULTS if (size := planted(name, case, answers)) is not None}
    return line


def _tolerance(key):
    return max(TOLERANCE.get(name, 0.0) for name in key.split("|"))


def failures(line):
    """Return what is wrong with a case, in words."""
    sizes = line["deviations"].items()
    wrong = [f"{key}: {size:.3g}" for key, size in sizes if not size <= _tolerance(key)]
    wrong += [f"{engine} raised {message}" for engine, message in line["broken"].items()]
    return wrong + ([f"SamplerV2: p = {line['p']:.3g}"] if line.get("p", 1.0) < ALARM else [])


class Judges:
    """The peers, made once."""

    def __init__(self):
        self.aer, self.qulacs, self.pennylane = Aer(), Qulacs(), PennyLane()

    def lines(self, numbers, seed):
        """Return the lines of some cases; Aer gets them all in one job."""
        cases = [random_case(seed, number) for number in numbers]
        states = self.aer.density_matrices([(case, case.thetas[0]) for case in cases])
        return [self.line(*triple, seed) for triple in zip(numbers, cases, states, strict=True)]

    def line(self, number, case, state, seed):
        """Return the line of one case."""
        return record_of(number, case, judged(case, number, state, self.qulacs, self.pennylane), seed)

    def fails_alike(self, number, seed, engines):
        """Return whether a changed case fails in one of the same engines, as a function of the case."""

        def fails(case):
            line = self.line(number, case, self.aer.density_matrix(case, case.thetas[0]), seed)
            return any(reason.split("|")[0].split(" raised")[0] in engines for reason in failures(line))

        return fails


def read_lines(path, seed):
    """Return the finished lines of a campaign; a line torn by a kill is dropped."""
    lines = {}
    for text in path.read_text().splitlines() if path.exists() else ():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if line["seed"] != seed:
            sys.exit(f"{path} belongs to seed {line['seed']}; give another --out")
        lines[line["circuit"]] = line
    return lines


def reproducer(judges, number, seed, line):
    """Return a case that still fails, as small as it gets."""
    engines = {reason.split("|")[0].split(" raised")[0] for reason in failures(line)}
    return smallest_failing(random_case(seed, number), judges.fails_alike(number, seed, engines))


def run(numbers, seed, path, *, quiet=False):
    """Compare cases and append their lines to `path`; return all lines."""
    done = read_lines(path, seed)
    todo = [number for number in numbers if number not in done]
    chunks = [todo[k : k + CHUNK] for k in range(0, len(todo), CHUNK)]
    judges = Judges()
    path.parent.mkdir(parents=True, exist_ok=True)
    for chunk in track(chunks, "comparing", disable=quiet):
        start = time.process_time()
        lines = judges.lines(chunk, seed)
        seconds = (time.process_time() - start) / len(chunk)
        with path.open("a") as file:
            for line in lines:
                file.write(
                    "\n" * (file.tell() > 0 and not done) + json.dumps({"seed": seed, "cpu": seconds} | line) + "\n"
                )
                done[line["circuit"]] = line | {"cpu": seconds}
                if failures(line):
                    sys.stdout.write(f"case {line['circuit']}: {'; '.join(failures(line))}\n")
                    sys.stdout.write(f"{reproducer(judges, line['circuit'], seed, line)}\n")
    return [done[number] for number in numbers if number in done]


def table(lines):
    """Return the Markdown of all figures."""
    rows = {}
    for line in lines:
        for key, size in line["deviations"].items():
            engine, quantity, peer = key.split("|")
            kind = "gradients" if "gradient" in quantity else "values"
            rows.setdefault((engine, kind), {}).setdefault(peer, {}).setdefault(line["circuit"], []).append(size)
    text = ["| engine | | Aer | Qulacs | PennyLane |", "|---|---|---|---|---|"]
    for (engine, kind), by_peer in rows.items():
        cells = [_cell([max(s) for s in by_peer.get(peer, {}).values()]) for peer in ("Aer", "Qulacs", "PennyLane")]
        text.append(f"| {engine} | {kind} | {' | '.join(cells)} |")
    return "\n".join([*text, "", *_summary(lines), "", *_faults(lines)])


def _cell(sizes):
    return f"{len(sizes)}: {np.median(sizes):.1e}, {max(sizes):.1e}" if sizes else ""


def _summary(lines):
    bad = sum(bool(failures(line)) for line in lines)
    p = [line["p"] for line in lines if "p" in line]
    sizes = ", ".join(f"{sum(line['n_qubits'] == n for line in lines)} on {n}" for n in range(1, 7))
    return [
        f"{len(lines)} circuits ({sizes} qubits), {bad} failed; {sum(line['cpu'] for line in lines):.0f} s of processor"
        f" time. Samples: {len(p)} circuits, smallest p value {min(p, default=1):.1e}, "
        f"share below 0.01 {np.mean(np.array(p) < 0.01) if p else 0:.3f}.",
        ", ".join(f"{package} {version(package)}" for package in PACKAGES) + f", Python {platform.python_version()}",
    ]


def _faults(lines):
    text = ["| planted fault | circuits it changes | seen in | median deviation |", "|---|---|---|---|"]
    for name in FAULTS:
        sizes = np.array([line["faults"][name] for line in lines if name in line.get("faults", {})])
        if len(sizes):
            text.append(f"| {name} | {len(sizes)} | {(sizes > TOLERANCE['Qulacs']).sum()} | {np.median(sizes):.1e} |")
    return text


def draw(lines, path):
    """Draw how often which deviation occurs, beside what a small planted fault makes of it."""
    from qvar.runs.style import ACCENT, COLOURS, GREY, PAGE, new_figure, styled

    @styled
    def figure():
        sheet = new_figure(PAGE, 2.8)
        axes = sheet.subplots()
        bins = np.linspace(-17.5, 0, 71)
        for colour, peer in zip(COLOURS, ("Aer", "Qulacs", "PennyLane"), strict=False):
            sizes = [
                size
                for line in lines
                for key, size in line["deviations"].items()
                if key.endswith(f"|{peer}") and key.split("|")[0] not in ("Aer", "PennyLane")
            ]
            axes.hist(_logarithms(sizes), bins, histtype="step", color=colour, label=f"engines - {peer}")
        faults = [line["faults"][name] for line in lines for name in line.get("faults", {}) if name == FAULTS_SHOWN]
        axes.hist(
            _logarithms(faults), bins, histtype="stepfilled", alpha=0.4, color=GREY, label=f"planted: {FAULTS_SHOWN}"
        )
        for tolerance, label in ((TOLERANCE["PennyLane"], "tolerances"), (TOLERANCE["Qulacs"], None)):
            axes.axvline(np.log10(tolerance), color=ACCENT, linestyle="--", label=label)
        axes.set_yscale("log")
        axes.set_xlabel("deviation, power of ten (equal values at -17)")
        axes.set_ylabel("comparisons")
        axes.legend(loc="upper right")
        return sheet

    path.parent.mkdir(parents=True, exist_ok=True)
    figure().savefig(path, dpi=200)


FAULTS_SHOWN = "depolarizing p 1 % too large"


def _logarithms(sizes):
    return np.log10(np.maximum(sizes, 1e-17))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--circuits", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--out", type=Path, default=Path("runs/differential"))
    parser.add_argument("--figure", type=Path, help="PNG of all deviations")
    parser.add_argument("--only", type=int, nargs="+", help="numbers of the cases to compare")
    parser.add_argument("--quiet", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # of peers
    numbers = options.only or range(options.circuits)
    path = options.out / f"seed-{options.seed}.jsonl"
    lines = run(numbers, options.seed, path, quiet=options.quiet or not sys.stderr.isatty())
    sys.stdout.write(table(lines) + "\n")
    if options.figure:
        draw(lines, options.figure)
    sys.exit(any(failures(line) for line in lines))


if __name__ == "__main__":
    main()
