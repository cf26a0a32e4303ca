"""Is everything that is drawn at random drawn from the distribution it claims? With a stated rate of false alarms.

Run: python tests/trust/chance.py [--repeats N] [--seed S]

Every check gives p values: probabilities, under the claim, of something at least as odd as what was drawn. Counts of
two outcomes are tested by the exact binomial distribution, counts of several by chi-square with at least 20 expected
in each, numbers by Kolmogorov and Smirnov. An alarm is a p value below FALSE_ALARM divided by the number of p values of
the run, so a run of correct code gives any alarm with a probability of at most about FALSE_ALARM, whatever its seed:
the seed of the tests is fixed only for the same record twice. The campaign repeats all checks with independent seeds,
and shows that p values are what they claim to be, uniform, and that each check sees its planted fault.
"""

import argparse
import os
import sys
import warnings
from pathlib import Path

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from qiskit import QuantumCircuit
from rich.progress import track
from scipy import stats

from qvar.agents import DoubleDQN, RandomPolicy, make_agent
from qvar.agents.sampling import PrioritizedSampler, UniformSampler
from qvar.classify.comparison.statistics import bootstrap
from qvar.envs import BinomialHalting, FixedNegativeBinomialHalting, NegativeBinomialHalting
from qvar.latent.generation import generate_pool
from qvar.latent.space import CircuitSpace
from qvar.optimizers import SPSA, AdamSPSA
from qvar.simulators import (
    AerSimulator,
    Circuit,
    EstimatorV2,
    NoiseModel,
    Observable,
    Operation,
    PauliTransferSimulator,
    PennyLaneSimulator,
    ReadoutError,
    SamplerV2,
    StatevectorSimulator,
)
from qvar.simulators.channels import amplitude_damping, depolarizing

FALSE_ALARM = 1e-6
"""Probability that a run of correct code gives any alarm."""
CLEAN = Circuit(2, (Operation("ry", (0,), (1.1,)), Operation("cx", (0, 1)), Operation("rx", (1,), (0.7,))))
NOISE = NoiseModel(
    "chance",
    default={"ry": amplitude_damping(0.1), "rx": depolarizing(0.05), "cx": depolarizing(0.08, n_qubits=2)},
    readout={0: ReadoutError(0.02, 0.07), 1: ReadoutError(0.05, 0.01)},
    strict=False,
)
ENGINES = {
    "PauliTransferSimulator": PauliTransferSimulator(NOISE),
    "StatevectorSimulator": StatevectorSimulator(),
    "AerSimulator": AerSimulator(NOISE),
    "PennyLaneSimulator": PennyLaneSimulator("default.mixed", NOISE),
}


def exact_mean(engine, label):
    """Return the exact value, which `differential.py` has compared with three peers."""
    exact = StatevectorSimulator() if engine.noise is None else PauliTransferSimulator(engine.noise)
    return exact.objective(CLEAN, Observable.from_terms({label: 1.0}))([])


def binomial(hits, n, p):
    """Return the exact two-sided p value of `hits` in `n` at probability `p`."""
    return [float(stats.binomtest(int(hits), int(n), min(max(p, 0.0), 1.0)).pvalue)]


def counts(observed, probabilities):
    """Return the p value of counts; neighbouring outcomes are joined until each is expected 20 times."""
    observed, expected = np.asarray(observed, float), np.asarray(probabilities, float)
    expected = expected / expected.sum() * observed.sum()
    joined = [[0.0, 0.0]]
    for o, e in zip(observed, expected, strict=True):
        joined[-1][0] += o
        joined[-1][1] += e
        if joined[-1][1] >= 20:
            joined.append([0.0, 0.0])
    rest = joined.pop()
    joined[-1][0] += rest[0]
    joined[-1][1] += rest[1]
    o, e = np.array(joined).T
    return [float(stats.chisquare(o, e).pvalue)]


def mean_of_shots(name, label="ZX", shots=200_000):
    """Estimates of one string: the number of -1 among all shots is binomial. Fault: a coin biased by 1 %."""

    def check(rng, fault):
        engine = ENGINES[name]
        sampled = engine.objective(CLEAN, Observable.from_terms({label: 1.0})).with_shots(shots, rng)
        minus = round((1 - sampled([])) / 2 * shots)
        return binomial(minus, shots, (1 - exact_mean(engine, label)) / 2 + 0.01 * fault)

    return check


def scatter_of_shots(rng, fault):
    """Repeated estimates have the whole binomial distribution, so mean and variance. Fault: half as many shots."""
    shots, label = 40, "ZZ"
    engine = ENGINES["PauliTransferSimulator"]
    drawn = shots // 2 if fault else shots
    sampled = engine.objective(CLEAN, Observable.from_terms({label: 1.0})).with_shots(drawn, rng)
    minus = np.round((1 - np.array([sampled([]) for _ in range(4000)])) / 2 * shots).astype(int)
    claimed = stats.binom.pmf(np.arange(shots + 1), shots, (1 - exact_mean(engine, label)) / 2)
    return counts(np.bincount(minus, minlength=shots + 1), claimed)


def normal_shots(rng, fault):
    """The limit of many shots is normal with the mean and variance of a share. Fault: 5 % too wide."""
    engine, shots = ENGINES["PauliTransferSimulator"], 100
    mean = exact_mean(engine, "ZZ")
    sampled = engine.objective(CLEAN, Observable.from_terms({"ZZ": 1.0})).with_normal_shots(shots, rng)
    values = (np.array([sampled([]) for _ in range(20_000)]) - mean) / np.sqrt((1 - mean**2) / shots)
    values *= 1 + 0.05 * fault
    squares = stats.chi2(len(values)).cdf((values**2).sum())
    return [float(stats.kstest(values, "norm").pvalue), float(2 * min(squares, 1 - squares))]


def coverage(rng, fault):
    """Intervals of 1.96 reported errors cover as often as the binomial says. Fault: errors 10 % too small."""
    shots, engine = 399, ENGINES["PauliTransferSimulator"]  # ceil(1 / 0.0501**2)
    circuit = QuantumCircuit(2)
    circuit.ry(1.1, 0)
    circuit.cx(0, 1)
    circuit.rx(0.7, 1)
    pubs = [(circuit, ["ZX"] * 4000)]
    data = EstimatorV2(engine, seed=rng).run(pubs, precision=0.0501).result()[0].data
    mean, width = exact_mean(engine, "ZX"), 1.96 * (1 - 0.1 * fault)
    covered = np.abs(data.evs - mean) <= width * data.stds
    k = np.arange(shots + 1)
    inside = np.abs((1 - 2 * k / shots) - mean) <= 1.96 * np.sqrt((1 - mean**2) / shots)
    return binomial(covered.sum(), covered.size, stats.binom.pmf(k, shots, (1 - mean) / 2)[inside].sum())


def samples(rng, fault):
    """Sampled bits have the product of flips of a known state, in no order. Fault: bits in reverse order."""
    shots = 40_000
    circuit = QuantumCircuit(2)
    circuit.ry(1.1, 0)
    circuit.ry(2.0, 1)
    circuit.measure_all()
    noise = NOISE.without_gates()
    bits = SamplerV2(PauliTransferSimulator(noise), seed=rng).run([(circuit,)], shots=shots).result()[0].data.meas
    ones = bits.array[:, 0]
    single = []
    for angle, error in ((1.1, noise.readout[0]), (2.0, noise.readout[1])):
        one = np.sin(angle / 2) ** 2
        read = one * (1 - error.p10) + (1 - one) * error.p01
        single.append([1 - read, read])
    expected = np.kron(single[1], single[0])
    pairs = np.bincount(4 * ones[:-1:2].astype(int) + ones[1::2], minlength=16)  # neighbours are independent
    drawn = np.bincount(ones, minlength=4)
    return counts(drawn[[0, 2, 1, 3]] if fault else drawn, expected) + counts(pairs, np.kron(expected, expected))


def halting(rule, distribution, max_gates=40):
    """Lengths of episodes follow the formula. Fault: its probability off by 0.01."""

    def check(rng, fault):
        drawn = [rule.draw(max_gates, rng) for _ in range(20_000)]
        return counts(np.bincount(drawn, minlength=max_gates + 1), distribution(rule.p + 0.01 * fault, max_gates))

    return check


def _clipped(pmf_until, low, high, n):
    """Return the probabilities of 0..n of a number with cumulative distribution `pmf_until`, clipped to low..high."""
    k = np.arange(n + 1)
    until = np.where(k < low, 0.0, np.where(k >= high, 1.0, pmf_until(k)))
    return np.diff(until, prepend=0.0)


def _negative_binomial(p, n):
    return _clipped(stats.nbinom(n, p).cdf, round(0.357 * n), n, n)


def _fixed(p, n):
    shifted = _clipped(stats.nbinom(70, p).cdf, 25, 70, 70)
    lengths = np.zeros(n + 1)
    np.add.at(lengths, np.minimum(1 + np.arange(71), n), shifted)
    return lengths


def _binomial(p, n):
    return np.append(0.0, stats.binom(n - 1, p).pmf(np.arange(n)))


def exploration(rng, fault):
    """An agent takes its best action with 1 - epsilon + epsilon / legal, any other legal one with epsilon / legal.

    Fault: epsilon off by 0.03.
    """
    epsilon = 0.3
    agent = _learner(rng, epsilon)
    mask = np.array([True, False, True, True, False, True])
    seen = np.zeros(11, np.float32)
    n = 20_000
    chosen = agent.act_all(np.tile(seen, (n, 1)), np.tile(mask, (n, 1)))
    best = int(agent.act_all(seen[None], mask[None], greedy=True)[0])
    share = np.where(mask, (epsilon + 0.03 * fault) / mask.sum(), 0.0)
    share[best] += 1 - epsilon - 0.03 * fault
    if np.bincount(chosen, minlength=6)[~mask].any():
        return [0.0]
    return counts(np.bincount(chosen, minlength=6)[mask], share[mask])


def _learner(rng, epsilon):
    seed = np.random.SeedSequence(int(rng.integers(2**63)))
    settings = DoubleDQN(epsilon_start=epsilon, epsilon_end=epsilon, hidden=(8,))
    return make_agent(settings, n_features=11, n_actions=6, max_gates=10, seed=seed)


def random_policy(rng, fault):
    """The random agent takes every legal action equally often. Fault: one of them 20 % more often."""
    seed = np.random.SeedSequence(int(rng.integers(2**63)))
    agent = make_agent(RandomPolicy(), n_features=3, n_actions=8, max_gates=4, seed=seed)
    mask = np.array([True] * 6 + [False] * 2)
    n = 30_000
    drawn = np.bincount(agent.act_all(np.zeros((n, 3), np.float32), np.tile(mask, (n, 1))), minlength=8)
    return counts(drawn[:6], [1 + 0.2 * fault, *[1] * 5]) if not drawn[6:].any() else [0.0]


def replay(rng, fault):
    """Transitions are drawn in proportion to (error + 1e-6)**alpha. Fault: alpha 0.6 for 0.63."""
    errors = np.array([0.1, 2.0, 0.01, 0.7, 1.2, 0.3], dtype=np.float32)
    sampler = PrioritizedSampler(8, alpha=0.6, beta=0.4)
    for row in range(len(errors)):
        sampler.add(row)
    sampler.update(np.arange(len(errors)), errors)
    rows = [int(sampler.draw(len(errors), 1, rng, progress=0.0)[0][0]) for _ in range(40_000)]
    claimed = (errors.astype(float) + 1e-6) ** (0.6 + 0.05 * fault)
    return counts(np.bincount(rows, minlength=len(errors)), claimed)


def uniform_replay(rng, fault):
    """Without priorities all are equal. Fault: one of them 5 % more often."""
    rows, _ = UniformSampler().draw(10, 1_000_000, rng, progress=0.0)
    return counts(np.bincount(rows, minlength=10), [1 + 0.05 * fault, *[1] * 9])


def directions(make):
    """Signs of SPSA are fair coins and independent of each other and in time. Fault: 4 % more pluses."""

    def check(rng, fault):
        recorded = _Recorded()
        make(40_000).minimize(recorded, np.zeros(2), rng)
        points = np.array(recorded.points)[-40_000 - len(recorded.points) % 2 :]
        pairs = points[: len(points) // 2 * 2].reshape(-1, 2, 2)
        signs = (pairs[:, 0] - pairs[:, 1] > 0)[10:-10]
        fair = 0.5 + 0.04 * fault
        n = len(signs)
        alike = [signs[:, 0] == signs[:, 1], signs[1:, 0] == signs[:-1, 0], signs[1:, 1] == signs[:-1, 0]]
        by_side = [binomial(signs[:, k].sum(), n, fair)[0] for k in range(2)]
        return by_side + [binomial(same.sum(), len(same), 0.5)[0] for same in alike]

    return check


class _Recorded:
    """A flat objective that remembers where it was asked."""

    n_parameters, shots, shots_per_evaluation, evaluations_per_gradient = 2, None, 0, 1
    is_stochastic = True

    def __init__(self):
        self.points = []

    def __call__(self, theta):
        self.points.append(np.array(theta))
        return 0.0


def resamples(rng, fault):
    """Shares of resampled rows are binomial. Fault: a share off by 0.02."""
    column, shares = np.repeat([1, 0], [30, 70]), []
    bootstrap(lambda rows: shares.append(int(rows.sum())) or 0.0, column, rng=rng, n_samples=10_000)
    claimed = stats.binom.pmf(np.arange(101), 100, 0.3 + 0.02 * fault)
    return counts(np.bincount(shares, minlength=101), claimed)


def pools(rng, fault):
    """Gates and wires of random circuits are uniform where depth does not matter. Fault: one gate 25 % more often."""
    space = CircuitSpace(3, 5, 5)
    drawn = generate_pool(space, 6000, seed=int(rng.integers(2**31))).structures.reshape(-1, 3)
    gates = np.bincount(drawn[:, 0], minlength=len(space.gates))
    single = drawn[drawn[:, 2] < 0, 1]
    share = [1 + 0.25 * fault, *[1] * (len(space.gates) - 1)]
    return counts(gates, share) + counts(np.bincount(single, minlength=3), [1, 1, 1])


CHECKS = {
    **{f"mean of shots, {name}": mean_of_shots(name) for name in ENGINES},
    "mean of shots, PauliTransferSimulator, YY": mean_of_shots("PauliTransferSimulator", "YY"),
    "scatter of shots": scatter_of_shots,
    "normal shots": normal_shots,
    "coverage of EstimatorV2's errors": coverage,
    "bits of SamplerV2": samples,
    "halting, negative binomial": halting(NegativeBinomialHalting(), _negative_binomial),
    "halting, fixed": halting(FixedNegativeBinomialHalting(), _fixed, 80),
    "halting, binomial": halting(BinomialHalting(p=0.7), _binomial),
    "epsilon-greedy exploration": exploration,
    "random policy": random_policy,
    "prioritized replay": replay,
    "uniform replay": uniform_replay,
    "signs of SPSA": directions(lambda n: SPSA(max_evaluations=n, a=0.1)),
    "signs of Adam-SPSA": directions(lambda n: AdamSPSA(max_evaluations=n)),
    "bootstrap": resamples,
    "random circuits of a pool": pools,
}


def p_values(seed, *, fault=False):
    """Return `{check: its p values}`."""
    streams = np.random.SeedSequence(seed).spawn(len(CHECKS))
    return {
        name: check(np.random.default_rng(stream), fault)
        for (name, check), stream in zip(CHECKS.items(), streams, strict=True)
    }


def alarms(found):
    """Return the checks with a p value that correct code has with a probability of at most FALSE_ALARM in all."""
    total = sum(len(values) for values in found.values())
    return [name for name, values in found.items() if min(values) < FALSE_ALARM / total]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=40)
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--quiet", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    seeds = [[options.seed, k] for k in range(options.repeats)]
    runs = [p_values(seed) for seed in track(seeds, "drawing", disable=options.quiet or not sys.stderr.isatty())]
    faulty = p_values([options.seed, options.repeats], fault=True)
    lines = ["| check | p values | smallest | uniform? | with its fault |", "|---|---|---|---|---|"]
    every = {name: [p for run in runs for p in run[name]] for name in CHECKS}
    for name, values in every.items():
        uniform = stats.kstest(values, "uniform").pvalue
        lines.append(f"| {name} | {len(values)} | {min(values):.1e} | {uniform:.2f} | {min(faulty[name]):.0e} |")
    missed = [name for name in CHECKS if name not in alarms(faulty)]
    sys.stdout.write("\n".join(lines) + f"\n\nAlarms: {alarms(every) or 'none'}; faults missed: {missed or 'none'}\n")
    sys.exit(bool(alarms(every) or missed))


if __name__ == "__main__":
    main()
