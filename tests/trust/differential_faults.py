"""Faults planted on purpose: what an engine would compute with a small mistake, which the comparison must notice.

A fault changes the data that `PauliTransferSimulator` is built from, while the peers keep the right ones, or it spoils
what the engine returns. Some circuits do not see some faults, such as an exchange of qubits that are never entangled.
"""

from dataclasses import replace

import numpy as np

from qvar.simulators import PauliTransferSimulator
from tests.trust.differential_engines import circuit_of, noise_of, observable_of


def _with_errors(case, change):
    """Return the case with `change` made to every list of errors."""
    steps = tuple(replace(s, errors=change(s.errors)) for s in case.steps)
    local, default = ({key: change(e) for key, e in table.items()} for table in (case.local, case.default))
    return replace(case, steps=steps, local=local, default=default)


def _with_numbers(case, kind, change):
    def changed(errors):
        return tuple(replace(e, numbers=change(*e.numbers)) if e.kind == kind else e for e in errors)

    return _with_errors(case, changed)


def _larger(p):
    return (min(1.01 * p, 1.0),)


def _relabelled(case, new):
    steps = tuple(replace(s, qubits=tuple(new(q) for q in s.qubits)) for s in case.steps)
    local = {(gate, tuple(new(q) for q in qubits)): e for (gate, qubits), e in case.local.items()}
    coupling = tuple((new(a), new(b)) for a, b in case.coupling)
    return replace(case, steps=steps, local=local, coupling=coupling)


def _exchanged(case):
    """Return the case with control and target of every CX exchanged, and its noise left where it was."""
    steps = tuple(replace(s, qubits=s.qubits[::-1]) if s.gate == "cx" else s for s in case.steps)
    local = {(gate, q[::-1] if gate == "cx" else q): e for (gate, q), e in case.local.items()}
    return replace(case, steps=steps, local=local, coupling=(*case.coupling, *(q[::-1] for q in case.coupling)))


def _misread(case, change):
    readout = tuple(None if e is None else change(*e) for e in case.readout)
    default = None if case.default_readout is None else change(*case.default_readout)
    return replace(case, readout=readout, default_readout=default)


def _angles(case, gate, sign):
    def turned(angle):
        return (angle[0], sign * angle[1], sign * angle[2]) if isinstance(angle, tuple) else sign * angle

    steps = tuple(replace(s, angles=tuple(map(turned, s.angles))) if s.gate == gate else s for s in case.steps)
    return replace(case, steps=steps)


FAULTS = {
    "depolarizing p 1 % too large": lambda c: _with_numbers(c, "depolarizing", _larger),
    "amplitude damping 1 % too large": lambda c: _with_numbers(c, "amplitude", _larger),
    "T1 and T2 exchanged where possible": lambda c: _with_numbers(
        c, "relaxation", lambda t, t1, t2, e: (t, t2, min(t1, 2 * t2), e)
    ),
    "errors in the wrong order": lambda c: _with_errors(c, lambda errors: errors[::-1]),
    "read-out p01 and p10 exchanged": lambda c: _misread(c, lambda p01, p10: (p10, p01)),
    "read-out 1 % too large": lambda c: _misread(c, lambda p01, p10: (1.01 * p01, 1.01 * p10)),
    "qubit order reversed": lambda c: _relabelled(c, lambda q: c.n_qubits - 1 - q),
    "control and target of CX exchanged": _exchanged,
    "sign of RY turned": lambda c: _angles(c, "ry", -1.0),
    "default noise before that of a pair": lambda c: replace(
        c, local={key: e for key, e in c.local.items() if key[0] not in c.default}
    ),
    "gradient too large by 1e-6": None,
    "gradient by the angle of the gate, not of the slot": None,
}


def planted(name, case, answers):
    """Return the largest deviation from Qulacs that a fault causes, None if it changes nothing in this case."""
    right = answers["Qulacs"]
    if FAULTS[name] is None:
        return _gradient_fault(name, case, right["gradient"])
    wrong = FAULTS[name](case)
    if _data(wrong) == _data(case):
        return None
    objective = PauliTransferSimulator(noise_of(wrong)).objective(circuit_of(wrong), observable_of(wrong))
    by_state = np.abs(objective.states(wrong.thetas) - right["state"]).max()
    return float(max(by_state, np.abs(objective.batch(wrong.thetas) - right["energy"]).max()))


def _gradient_fault(name, case, right):
    if case.n_parameters == 0:
        return None
    objective = PauliTransferSimulator(noise_of(case)).objective(circuit_of(case), observable_of(case))
    gradient = objective.value_and_gradient(case.thetas[0])[1]
    if "1e-6" in name:
        return float(np.abs(gradient * (1 + 1e-6) - right).max())
    scales = {a[0]: abs(a[1]) for s in case.steps for a in s.angles if isinstance(a, tuple)}
    factors = np.array([scales[k] for k in range(case.n_parameters)])
    return None if np.all(factors == 1) else float(np.abs(gradient / factors - right).max())


def _data(case):
    used = {(s.gate, s.qubits) for s in case.steps}
    acting = [(s.gate, s.qubits, s.angles, case.errors(s)) for s in case.steps]
    return acting, [case.misread(q) for q in range(case.n_qubits)], used
