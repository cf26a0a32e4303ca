"""Turn the words of the command line into problems, engines and optimizers, or say what is wrong with them."""

from pathlib import Path

from qvar import problems, simulators
from qvar.optimizers import AQGD, LBFGS, SPSA, Adagrad, Adam, AdamSPSA, Cobyla, CompactLBFGS, Optimizer, Rotosolve
from qvar.problems import Problem
from qvar.simulators import Engine, NoiseModel
from qvar.simulators.errors import EngineError, NoiseModelError, OptimizerError, QvarError

__all__ = ["find_engine", "find_optimizer", "find_problem", "parse_integers"]

_OPTIMIZERS: dict[str, Optimizer] = {
    "lbfgs": LBFGS(),
    "compact-lbfgs": CompactLBFGS(),
    "cobyla": Cobyla(),
    "adam-spsa": AdamSPSA(),
    "spsa": SPSA(),
    "rotosolve": Rotosolve(),
    "adam": Adam(),
    "adagrad": Adagrad(),
    "aqgd": AQGD(),
}


def find_problem(task: str) -> Problem:
    """Return the problem of that name, or the one in a file."""
    return Problem.from_json(Path(task)) if task.endswith(".json") else problems.find_problem(task)


def find_engine(
    name: str | None, *, noise: str, qubits: str | None, n_qubits: int, ignore_coupling: bool = False
) -> Engine:
    """Return an engine with the noise of a device.

    Args:
        name: "pauli-transfer", "statevector", "aer", "aer:METHOD", "propagation" or "pennylane:DEVICE"; None for the
            first with noise, the second without.
        noise: a device as `NoiseModel.named` takes it, or "none".
        qubits: physical qubits as text, such as "1,2,3,4"; None for the first ones.
        n_qubits: qubits of the problem.
        ignore_coupling: drop the device's coupling map.
    """
    model = None if noise == "none" else _find_noise(noise, qubits, n_qubits)
    if model is None and qubits is not None:
        raise NoiseModelError("--qubits chooses qubits of a device; give the device with --noise")
    if model is not None and ignore_coupling:
        model = model.without_coupling()
    if name is None:
        name = "statevector" if model is None else "pauli-transfer"
    # Names resolve one by one: Qiskit Aer and PennyLane take seconds to load.
    if name == "pauli-transfer":
        return simulators.PauliTransferSimulator(model)
    if name == "aer":
        return simulators.AerSimulator(model)
    if name.startswith("aer:"):
        return simulators.AerSimulator(model, method=name.removeprefix("aer:"))
    if name == "propagation":
        return simulators.PauliPropagationSimulator(model)
    if name.startswith("pennylane:"):
        return simulators.PennyLaneSimulator(name.removeprefix("pennylane:"), noise=model)
    if name == "statevector":
        if model is not None:
            raise EngineError("the statevector engine has no noise; use --engine pauli-transfer or aer")
        return simulators.StatevectorSimulator()
    if name.startswith("runtime:"):
        raise EngineError(
            f"{name!r} is hardware, where every energy is a job; use it with qvar vqe or qvar hardware run"
        )
    raise EngineError(
        f"unknown engine {name!r}; known: pauli-transfer, statevector, aer, aer:METHOD, propagation, pennylane:DEVICE"
    )


def _find_noise(noise: str, qubits: str | None, n_qubits: int) -> NoiseModel:
    chosen = None if qubits is None else parse_integers(qubits, option="--qubits")
    if chosen is not None and len(chosen) != n_qubits:
        raise NoiseModelError(f"the problem has {n_qubits} qubits, --qubits names {len(chosen)}")
    if chosen is None and noise.startswith("fake:"):
        chosen = list(range(n_qubits))
    model = NoiseModel.named(noise, qubits=chosen)
    if model.n_qubits is not None and model.n_qubits < n_qubits:
        raise NoiseModelError(f"device {noise!r} has {model.n_qubits} qubits, the problem needs {n_qubits}")
    return model


def find_optimizer(name: str | None) -> Optimizer | None:
    """Return the optimizer called `name`, None for None."""
    if name is None:
        return None
    if name not in _OPTIMIZERS:
        raise OptimizerError(f"unknown optimizer {name!r}; known are {', '.join(_OPTIMIZERS)}")
    return _OPTIMIZERS[name]


def parse_integers(text: str, *, option: str) -> list[int]:
    """Return the comma-separated whole numbers in `text`."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise QvarError(f"{option} takes whole numbers separated by commas, got {text!r}") from None
