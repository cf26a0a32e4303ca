"""Circuits, observables, noise and the engines that bring them together.

Nothing heavy is imported here: numba, Qiskit and Aer load at the first call that needs them.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qvar.simulators.aer import AerSimulator
    from qvar.simulators.channels import (
        Channel,
        amplitude_damping,
        depolarizing,
        pauli_channel,
        phase_damping,
        thermal_relaxation,
    )
    from qvar.simulators.circuit import Circuit, Operation, Slot
    from qvar.simulators.engine import Engine, Objective
    from qvar.simulators.noise import NoiseModel, ReadoutError, StateFlip
    from qvar.simulators.observable import Observable
    from qvar.simulators.pauli_transfer import PauliTransferSimulator
    from qvar.simulators.pennylane_engine import PennyLaneSimulator
    from qvar.simulators.statevector import StatevectorSimulator

_HOME = {
    "AerSimulator": "aer",
    "Channel": "channels",
    "Circuit": "circuit",
    "Engine": "engine",
    "NoiseModel": "noise",
    "Objective": "engine",
    "Observable": "observable",
    "Operation": "circuit",
    "PauliTransferSimulator": "pauli_transfer",
    "PennyLaneSimulator": "pennylane_engine",
    "ReadoutError": "noise",
    "Slot": "circuit",
    "StateFlip": "noise",
    "StatevectorSimulator": "statevector",
    "amplitude_damping": "channels",
    "depolarizing": "channels",
    "pauli_channel": "channels",
    "phase_damping": "channels",
    "thermal_relaxation": "channels",
}

__all__ = [
    "AerSimulator",
    "Channel",
    "Circuit",
    "Engine",
    "NoiseModel",
    "Objective",
    "Observable",
    "Operation",
    "PauliTransferSimulator",
    "PennyLaneSimulator",
    "ReadoutError",
    "Slot",
    "StateFlip",
    "StatevectorSimulator",
    "amplitude_damping",
    "depolarizing",
    "pauli_channel",
    "phase_damping",
    "thermal_relaxation",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
