"""Settings of Qiskit Aer: which simulation method it follows and how it uses the machine."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from qiskit_aer import AerSimulator as QiskitAerSimulator

from qvar.simulators.errors import EngineError

__all__ = ["AerMethod", "AerOptions", "check_method", "make_backend"]

_MEANT_ELSEWHERE = {
    "method": "AerSimulator(method=...)",
    "noise_model": "AerSimulator(noise)",
    "seed_simulator": "the generator of with_shots(shots, rng)",
    "shots": "with_shots(shots, rng)",
    "device": "AerOptions(device=...)",
    "precision": "AerOptions(precision=...)",
    "max_parallel_threads": "AerOptions(max_parallel_threads=...)",
}


@dataclass(frozen=True, slots=True)
class AerMethod:
    """What one of Aer's methods can do.

    Attributes:
        name: Aer's name of the method.
        exact: whether exact values of noiseless circuits exist.
        exact_with_noise: whether exact values of noisy circuits exist.
        clifford: whether circuits are rewritten in Clifford gates, which take Pauli noise only.
        phases: whether such circuits may hold phases beside Clifford gates.
    """

    name: str
    exact: bool = True
    exact_with_noise: bool = False
    clifford: bool = False
    phases: bool = False


METHODS = {
    method.name: method
    for method in (
        AerMethod("automatic", exact_with_noise=True),
        AerMethod("density_matrix", exact_with_noise=True),
        AerMethod("statevector"),
        AerMethod("matrix_product_state"),
        AerMethod("stabilizer", clifford=True),
        AerMethod("extended_stabilizer", exact=False, clifford=True, phases=True),
        AerMethod("tensor_network"),
    )
}

_NOT_STATES = {
    "unitary": "the matrix of the whole circuit; take method='statevector'",
    "superop": "the superoperator of the whole circuit; take method='density_matrix'",
}


def check_method(name: str) -> AerMethod:
    """Return what is known of a method.

    Raises:
        EngineError: for an unknown method, one that computes no state, or one that this build of Aer lacks.
    """
    if name in _NOT_STATES:
        raise EngineError(f"Aer's method {name!r} computes no state but {_NOT_STATES[name]}, with the same values")
    if name not in METHODS:
        raise EngineError(f"unknown Aer method {name!r}; known are {', '.join(METHODS)}")
    available = QiskitAerSimulator().available_methods()
    if name not in available:
        raise EngineError(
            f"this build of Qiskit Aer has no method {name!r} (it has {', '.join(available)}); tensor networks need a "
            "GPU and the package qiskit-aer-gpu, on a CPU take method='matrix_product_state'"
        )
    return METHODS[name]


@dataclass(frozen=True)
class AerOptions:
    """How Aer uses the machine.

    Args:
        device: "CPU" or "GPU".
        precision: "double" or "single"; single halves the memory and limits values to about six digits.
        max_parallel_threads: threads of one job, 0 for all cores. None takes one thread where a state has at most
            2**14 numbers and all cores above or when noise is sampled: on small states threads gain nothing, but spin
            while they wait and take the cores from other work.
        other: further options by Aer's own names, such as matrix_product_state_max_bond_dimension.

    Raises:
        EngineError: for an option that Aer does not know or that is set elsewhere.

    Example:
        >>> AerOptions(other={"matrix_product_state_max_bond_dimension": 16}).device
        'CPU'
    """

    device: str = "CPU"
    precision: str = "double"
    max_parallel_threads: int | None = None
    other: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        if self.device not in ("CPU", "GPU"):
            raise EngineError(f"the device of Aer is 'CPU' or 'GPU', got {self.device!r}")
        if self.precision not in ("double", "single"):
            raise EngineError(f"the precision of Aer is 'double' or 'single', got {self.precision!r}")
        known = vars(QiskitAerSimulator().options)
        known = known.get("_fields", known)
        for name in self.other:
            if name in _MEANT_ELSEWHERE:
                raise EngineError(f"{name!r} is not given under other but as {_MEANT_ELSEWHERE[name]}")
            if name not in known:
                near = get_close_matches(name, known, n=3)
                hint = f"; did you mean {', '.join(near)}?" if near else ""
                raise EngineError(f"Qiskit Aer has no option {name!r}{hint}")
        object.__setattr__(self, "other", dict(self.other))

    def threads(self, numbers: int, *, trajectories: bool) -> int:
        """Return the threads for a job whose largest state has 2**`numbers` numbers; 0 means all cores."""
        if self.max_parallel_threads is not None:
            return self.max_parallel_threads
        return 0 if trajectories or numbers > 14 else 1


def make_backend(method: AerMethod, options: AerOptions) -> Any:
    """Return Aer's simulator.

    Raises:
        EngineError: if this build of Aer or this machine lacks the device.
    """
    backend = QiskitAerSimulator(method=method.name, precision=options.precision, **options.other)
    if options.device not in backend.available_devices():
        raise EngineError(
            f"Qiskit Aer finds no {options.device} here (only {', '.join(backend.available_devices())}); install "
            "qiskit-aer-gpu on a machine with an NVIDIA GPU, or take AerOptions(device='CPU')"
        )
    backend.set_options(device=options.device)
    return backend
