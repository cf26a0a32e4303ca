"""Circuits, observables, noise and the engines that bring them together.

Nothing heavy is imported here: numba, Qiskit and Aer load at the first call that needs them.
"""

from typing import TYPE_CHECKING

from qvar.simulators.lazy import lazy_names

if TYPE_CHECKING:
    from qvar.simulators.aer.engine import AerOptions, AerSimulator
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
    from qvar.simulators.measurement.allocation import (
        OptimalAllocation,
        PilotAllocation,
        ShotBudget,
        UniformAllocation,
        WeightAllocation,
    )
    from qvar.simulators.measurement.estimation import Estimate
    from qvar.simulators.metric import fubini_study_metric
    from qvar.simulators.mitigation.extrapolation import (
        ExponentialExtrapolation,
        LinearExtrapolation,
        PolynomialExtrapolation,
        RichardsonExtrapolation,
    )
    from qvar.simulators.mitigation.folding import GlobalFolding, LocalFolding
    from qvar.simulators.mitigation.zero_noise import ZeroNoiseExtrapolation
    from qvar.simulators.noise import NoiseModel, ReadoutError, StateFlip
    from qvar.simulators.observable import Observable
    from qvar.simulators.pauli_propagation import PauliPropagationSimulator, Propagation
    from qvar.simulators.pauli_transfer import PauliTransferSimulator
    from qvar.simulators.pennylane.engine import PennyLaneSimulator
    from qvar.simulators.primitives import EstimatorV2, SamplerV2
    from qvar.simulators.statevector import StatevectorSimulator

_HOME = {
    "AerOptions": "aer.engine",
    "AerSimulator": "aer.engine",
    "Channel": "channels",
    "Circuit": "circuit",
    "Engine": "engine",
    "Estimate": "measurement.estimation",
    "ExponentialExtrapolation": "mitigation.extrapolation",
    "GlobalFolding": "mitigation.folding",
    "LinearExtrapolation": "mitigation.extrapolation",
    "LocalFolding": "mitigation.folding",
    "EstimatorV2": "primitives",
    "NoiseModel": "noise",
    "Objective": "engine",
    "Observable": "observable",
    "Operation": "circuit",
    "OptimalAllocation": "measurement.allocation",
    "PauliTransferSimulator": "pauli_transfer",
    "PilotAllocation": "measurement.allocation",
    "PolynomialExtrapolation": "mitigation.extrapolation",
    "PauliPropagationSimulator": "pauli_propagation",
    "Propagation": "pauli_propagation",
    "PennyLaneSimulator": "pennylane.engine",
    "ReadoutError": "noise",
    "RichardsonExtrapolation": "mitigation.extrapolation",
    "ShotBudget": "measurement.allocation",
    "SamplerV2": "primitives",
    "Slot": "circuit",
    "StateFlip": "noise",
    "StatevectorSimulator": "statevector",
    "UniformAllocation": "measurement.allocation",
    "WeightAllocation": "measurement.allocation",
    "ZeroNoiseExtrapolation": "mitigation.zero_noise",
    "amplitude_damping": "channels",
    "depolarizing": "channels",
    "fubini_study_metric": "metric",
    "pauli_channel": "channels",
    "phase_damping": "channels",
    "thermal_relaxation": "channels",
}

__all__ = [
    "AerOptions",
    "AerSimulator",
    "Channel",
    "Circuit",
    "Engine",
    "Estimate",
    "EstimatorV2",
    "ExponentialExtrapolation",
    "GlobalFolding",
    "LinearExtrapolation",
    "LocalFolding",
    "NoiseModel",
    "Objective",
    "Observable",
    "Operation",
    "OptimalAllocation",
    "PauliPropagationSimulator",
    "PauliTransferSimulator",
    "PennyLaneSimulator",
    "PilotAllocation",
    "PolynomialExtrapolation",
    "Propagation",
    "ReadoutError",
    "RichardsonExtrapolation",
    "SamplerV2",
    "ShotBudget",
    "Slot",
    "StateFlip",
    "StatevectorSimulator",
    "UniformAllocation",
    "WeightAllocation",
    "ZeroNoiseExtrapolation",
    "amplitude_damping",
    "depolarizing",
    "fubini_study_metric",
    "pauli_channel",
    "phase_damping",
    "thermal_relaxation",
]

__getattr__, __dir__ = lazy_names(__name__, _HOME, __all__)
