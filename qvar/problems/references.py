"""Reference qubits: perfect qubits in Bell pairs with searched ones, by which an energy judges a whole process.

A circuit V on n qubits, each in a Bell pair with a reference qubit that V leaves alone, ends in the state
(V (x) 1)|Phi>, which holds all of V up to its phase (Choi 1975, Jamiolkowski 1972). Qubits 0 .. n - 1 are searched,
qubit n + k is the reference of qubit k.
"""

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from functools import lru_cache
from typing import Any, cast

from qvar.simulators import Circuit, Engine, NoiseModel, Operation
from qvar.simulators.engine import check_noise
from qvar.simulators.errors import ProblemError

__all__ = ["bell_pairs", "beside_references"]


@lru_cache(maxsize=64)
def bell_pairs(n_qubits: int, n_references: int) -> Circuit:
    """Return the circuit that brings references and the first searched qubits into Bell pairs (|00> + |11>)/sqrt(2).

    Example:
        >>> [(o.gate, o.qubits) for o in bell_pairs(2, 1).operations]
        [('h', (2,)), ('cx', (2, 0))]
    """
    pairs = ((n_qubits + k, k) for k in range(n_references))
    operations = (operation for r, k in pairs for operation in (Operation("h", (r,)), Operation("cx", (r, k))))
    return Circuit(n_qubits + n_references, tuple(operations))


def beside_references(engine: Engine, circuit: Circuit, n_references: int) -> Engine:
    """Return the engine for `circuit` with perfect reference qubits beside its own, whose noise stays as it is.

    Raises:
        ProblemError: if the engine has noise but is no dataclass with a field for it.
        NoiseModelError: if the noise model is a device with too few qubits for the circuit.
    """
    if engine.noise is None:
        return engine
    check_noise(circuit, engine.noise)
    attach: Callable[..., Engine] = _attached if _is_hashable(engine) else _attach
    return attach(engine, circuit.n_qubits, n_references)


def _attach(engine: Any, n_qubits: int, n_references: int) -> Engine:
    if not is_dataclass(engine) or "noise" not in {entry.name for entry in fields(engine)}:
        raise ProblemError(
            f"this problem needs {n_references} noiseless reference qubit(s), which cannot be put beside the noise of "
            f"a {type(engine).__name__}; use PauliTransferSimulator, AerSimulator, PauliPropagationSimulator, "
            "PennyLaneSimulator, or an engine without noise"
        )
    noise: NoiseModel = getattr(engine, "noise")  # noqa: B009 - any dataclass with such a field
    return cast("Engine", replace(cast("Any", engine), noise=noise.beside_references(n_qubits, n_references)))


_attached = lru_cache(maxsize=8)(_attach)  # engines keep what they have compiled, so one is made for all circuits


def _is_hashable(engine: Engine) -> bool:
    try:
        hash(engine)
    except TypeError:
        return False
    return True
