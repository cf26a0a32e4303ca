"""Random circuits, noise models and observables as plain data, for simulators that must not share a translation.

A case holds names and numbers only; `differential_peers` and `differential_engines` each read them on their own.

Conventions of the data: qubit 0 is the rightmost letter of a label; matrices on several qubits have the first qubit as
the lowest bit; angles are radians; a depolarizing p is the probability that the state is replaced by the mixed one.
"""

import itertools
from dataclasses import dataclass, replace

import numpy as np

ANGLES = {"rx": 1, "ry": 1, "rz": 1, "p": 1, "u": 3, "rxx": 1, "ryy": 1, "rzz": 1}
ONE_QUBIT = ("rx", "ry", "rz", "p", "u", "id", "x", "y", "z", "h", "s", "sdg", "t", "tdg", "sx", "sxdg")
TWO_QUBIT = ("cx", "cy", "cz", "swap", "ecr", "rxx", "ryy", "rzz")
NOT_CLIFFORD = {"t", "tdg", *ANGLES}
ONE_QUBIT_ERRORS = ("depolarizing", "amplitude", "phase", "relaxation", "pauli", "rotation", "isometry")
TWO_QUBIT_ERRORS = ("depolarizing", "zz", "isometry")


@dataclass(frozen=True)
class Error:
    """One elementary channel on some of a gate's qubits, given by their places 0, 1 among these."""

    kind: str
    places: tuple[int, ...]
    numbers: tuple[float, ...] = ()

    def kraus(self):
        """Return the operators of an "isometry": blocks of a random isometry."""
        size = 2 ** len(self.places)
        rng = np.random.default_rng(int(self.numbers[0]))
        blocks = int(rng.integers(2, 5))
        shape = (blocks * size, size)
        isometry, _ = np.linalg.qr(rng.normal(size=shape) + 1j * rng.normal(size=shape))
        return isometry.reshape(blocks, size, size)


@dataclass(frozen=True)
class Step:
    """A gate, or the gate "channel" with its own errors. An angle is a number or (slot, scale, shift)."""

    gate: str
    qubits: tuple[int, ...]
    angles: tuple = ()
    errors: tuple[Error, ...] = ()

    def bound(self, theta):
        """Return the angles as numbers."""
        return [a[1] * theta[a[0]] + a[2] if isinstance(a, tuple) else a for a in self.angles]


@dataclass(frozen=True)
class Case:
    """A circuit, what follows its gates, how qubits are misread, and what is measured at which angles."""

    n_qubits: int
    steps: tuple[Step, ...]
    local: dict
    default: dict
    readout: tuple
    default_readout: tuple | None
    coupling: tuple
    terms: dict
    thetas: np.ndarray

    @property
    def n_parameters(self):
        return self.thetas.shape[1]

    @property
    def is_noisy(self):
        return any(self.errors(step) for step in self.steps)

    @property
    def is_misread(self):
        return self.default_readout is not None or any(error is not None for error in self.readout)

    @property
    def is_clifford(self):
        return not any(step.gate in NOT_CLIFFORD for step in self.steps)

    def errors(self, step):
        """Return what follows a step, in order of time."""
        if step.gate == "channel":
            return step.errors
        return self.local.get((step.gate, step.qubits), self.default.get(step.gate, ()))

    def misread(self, qubit):
        """Return (p01, p10) of a qubit."""
        own = self.readout[qubit]
        return own if own is not None else (self.default_readout or (0.0, 0.0))

    def without(self, **changes):
        """Return a smaller case; angles that no step uses any more are left out."""
        smaller = replace(self, **changes)
        used = sorted({a[0] for s in smaller.steps for a in s.angles if isinstance(a, tuple)})
        number = {old: new for new, old in enumerate(used)}
        steps = tuple(
            replace(s, angles=tuple((number[a[0]], *a[1:]) if isinstance(a, tuple) else a for a in s.angles))
            for s in smaller.steps
        )
        return replace(smaller, steps=steps, thetas=smaller.thetas[:, used])


def random_case(seed, number):
    """Return case `number` of a campaign. Every fourth is noiseless, and every second of these a Clifford circuit."""
    rng = np.random.default_rng([seed, number])
    n = int(rng.choice([1, 2, 3, 4, 5, 6], p=[0.1, 0.2, 0.25, 0.25, 0.1, 0.1]))
    noisy, clifford = number % 4 != 0, number % 8 == 4
    pairs = _coupling(rng, n)
    steps = _steps(rng, n, pairs, noisy=noisy, clifford=clifford)
    local, default = _noise(rng, steps) if noisy else ({}, {})
    readout = tuple(_misreading(rng) if noisy and rng.random() < 0.6 else None for _ in range(n))
    n_parameters = 1 + max((a[0] for s in steps for a in s.angles if isinstance(a, tuple)), default=-1)
    thetas = rng.uniform(-np.pi, np.pi, size=(2, n_parameters))
    default_readout = _misreading(rng) if noisy and rng.random() < 0.4 else None
    return Case(n, steps, local, default, readout, default_readout, pairs, _terms(rng, n), thetas)


def _coupling(rng, n):
    """Return ordered pairs, not always both directions of one."""
    everything = list(itertools.permutations(range(n), 2))
    if not everything:
        return ()
    size = int(rng.integers(1, len(everything) + 1))
    return tuple(everything[k] for k in sorted(rng.choice(len(everything), size, replace=False)))


def _steps(rng, n, pairs, *, noisy, clifford):
    ones = [g for g in ONE_QUBIT if not (clifford and g in NOT_CLIFFORD)]
    twos = [g for g in TWO_QUBIT if not (clifford and g in NOT_CLIFFORD)]
    steps, n_slots = [], 0
    for _ in range(int(rng.integers(1, 25))):
        gate = str(rng.choice(twos if pairs and rng.random() < 0.4 else ones))
        qubits = pairs[rng.integers(len(pairs))] if gate in twos else (int(rng.integers(n)),)
        if noisy and rng.random() < 0.08:
            steps.append(Step("channel", qubits, (), _errors(rng, len(qubits))))
            continue
        angles = []
        for _ in range(ANGLES.get(gate, 0)):
            angles.append(_angle(rng, n_slots))
            n_slots += isinstance(angles[-1], tuple) and angles[-1][0] == n_slots
        steps.append(Step(gate, qubits, tuple(angles)))
    return tuple(steps)


def _angle(rng, n_slots):
    if rng.random() < 0.3:
        return float(rng.choice([rng.uniform(-7, 7), np.pi / 2 * rng.integers(-4, 5)]))
    slot = int(rng.integers(n_slots + 1))
    return (slot, 1.0, 0.0) if rng.random() < 0.5 else (slot, *map(float, rng.uniform(-2, 2, size=2)))


def _noise(rng, steps):
    local, default = {}, {}
    for step in steps:
        if step.gate == "channel":
            continue
        draw = rng.random()
        if draw < 0.55:
            local.setdefault((step.gate, step.qubits), _errors(rng, len(step.qubits)))
        elif draw < 0.85:
            default.setdefault(step.gate, _errors(rng, len(step.qubits)))
    return local, default


def _errors(rng, n_places):
    return tuple(_error(rng, n_places) for _ in range(int(rng.integers(1, 4))))


def _error(rng, n_places):
    if n_places == 2 and rng.random() < 0.6:
        places = (0, 1) if rng.random() < 0.7 else (1, 0)
        kind = str(rng.choice(TWO_QUBIT_ERRORS))
    else:
        places = (int(rng.integers(n_places)),)
        kind = str(rng.choice(ONE_QUBIT_ERRORS))
    return Error(kind, places, _numbers(rng, kind))


def _numbers(rng, kind):
    p = _strength(rng)
    if kind == "relaxation":  # seconds: duration, T1, T2; excited population
        t1 = 1e-4 * rng.uniform(0.5, 2)
        t2 = t1 * float(rng.choice([rng.uniform(0.1, 1), rng.uniform(1, 2), 2.0]))
        return (t1 * rng.uniform(0, 1.5) * p, t1, t2, float(rng.choice([0.0, rng.uniform(0, 0.5)])))
    if kind == "pauli":
        return tuple(map(float, p * rng.dirichlet([1, 1, 1])))
    if kind == "rotation":
        return (float(rng.integers(1, 4)), float(rng.normal() * p))
    if kind == "zz":
        return (float(rng.normal() * p),)
    if kind == "isometry":
        return (float(rng.integers(2**31)),)
    return (p,)


def _strength(rng):
    """Return a probability: mostly weak, sometimes strong, at times nothing or everything."""
    if rng.random() < 0.06:
        return float(rng.integers(2))
    return float(10 ** rng.uniform(-5, -0.2))


def _misreading(rng):
    return tuple(map(float, 10 ** rng.uniform(-4, -0.4, size=2)))


def _terms(rng, n):
    """Return Pauli strings whose coefficients' absolute values sum to one."""
    labels = sorted({"".join(rng.choice(list("IXYZ"), size=n)) for _ in range(8)} | {"I" * n})
    coefficients = rng.normal(size=len(labels))
    return dict(zip(labels, map(float, coefficients / np.abs(coefficients).sum()), strict=True))


def smallest_failing(case, fails):
    """Return the case after leaving out all that can go while `fails(case)` stays true."""
    smaller = True
    while smaller:
        smaller = next((c for c in _smaller_cases(case) if _still(fails, c)), None)
        case = smaller or case
    return case


def _still(fails, case):
    try:
        return fails(case)
    except Exception:  # another fault is not the one that is being looked for
        return False


def _smaller_cases(case):
    for k in range(len(case.steps)):
        yield case.without(steps=case.steps[:k] + case.steps[k + 1 :])
    for name in ("local", "default"):
        table = getattr(case, name)
        for key in table:
            yield case.without(**{name: {k: v for k, v in table.items() if k != key}})
            for k in range(len(table[key])):
                if len(table[key]) > 1:
                    yield case.without(**{name: table | {key: table[key][:k] + table[key][k + 1 :]}})
    for q, error in enumerate(case.readout):
        if error is not None:
            yield case.without(readout=(*case.readout[:q], None, *case.readout[q + 1 :]))
    if case.default_readout is not None:
        yield case.without(default_readout=None)
    for label in case.terms if len(case.terms) > 1 else ():
        yield case.without(terms={k: v for k, v in case.terms.items() if k != label})
