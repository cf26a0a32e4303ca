"""Noise models from and to Qiskit: calibrated backends and Qiskit Aer noise models.

The only module that reads private attributes of Aer's noise model. Gate errors come from Aer's device model
(depolarizing tuned to the reported error, then thermal relaxation); read-out errors keep the device's asymmetry, which
Aer's `from_backend` drops.

A search places RX, RY, RZ and CX, which a device executes in terms of its own gates. So that no circuit needs
transpilation, these gates get the noise of the pulses they cost:

- RZ, Z, S, T, P are virtual: the noise of the device's own `rz` (none on IBM hardware);
- X, Y, SX, SX^dagger, H cost one pulse: the noise of `x` (X, Y) or `sx`;
- RX, RY, U cost two pulses: the noise of `sx` twice;
- CX, CZ, CY, ECR cost one native two-qubit gate, in either direction; RXX, RYY, RZZ two; SWAP three.

Gates that the device has itself keep exactly their own noise. One-qubit dressing of a two-qubit gate is neglected.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from qiskit.quantum_info import PTM, Kraus, SuperOp
from qiskit_aer.noise import NoiseModel as AerNoiseModel
from qiskit_aer.noise import QuantumError
from qiskit_aer.noise import ReadoutError as AerReadoutError

from qvar.simulators.channels import Channel, identity_channel
from qvar.simulators.errors import NoiseModelError
from qvar.simulators.gates import GATES
from qvar.simulators.noise import NoiseModel, Readout, ReadoutError, StateFlip

__all__ = ["KeptError", "confusion_matrix", "noise_from_aer", "noise_from_backend", "noise_to_aer"]

_PULSES = {"rx": 2, "ry": 2, "u": 2, "h": 1, "sx": 1, "sxdg": 1}
_VIRTUAL = ("rz", "z", "s", "sdg", "t", "tdg", "p")
_NATIVE_PAIRS = {"cx": 1, "cz": 1, "cy": 1, "ecr": 1, "rxx": 2, "ryy": 2, "rzz": 2, "swap": 3}
_NOT_GATES = ("reset", "delay", "measure")
_SYNONYMS = {"u3": "u", "u1": "p"}


def noise_from_backend(backend: Any, *, qubits: Sequence[int] | None = None) -> NoiseModel:
    """Return the noise of a Qiskit `BackendV2` from its calibration data.

    Args:
        backend: a real or fake backend; only its published calibration is read, nothing is submitted.
        qubits: physical qubits to use, in order, renumbered 0, 1, ...; None for all of them.

    Raises:
        NoiseModelError: if the backend has no calibration, or a qubit is out of range.
    """
    chosen = list(range(backend.num_qubits)) if qubits is None else list(qubits)
    out_of_range = [q for q in chosen if not 0 <= q < backend.num_qubits]
    if out_of_range or len(set(chosen)) != len(chosen) or not chosen:
        raise NoiseModelError(
            f"{backend.name} has qubits 0..{backend.num_qubits - 1}; need distinct ones, got {list(chosen)}"
        )
    try:
        aer = AerNoiseModel.from_backend(backend)
    except Exception as error:  # Aer and providers raise their own exception types for missing calibration
        raise NoiseModelError(f"{backend.name} has no usable calibration: {error}") from error
    native = _native_channels(aer, chosen)
    pulses = {q: _pulse(aer, backend.name, q) for q in chosen}
    edges = _coupled_pairs(backend, chosen)
    return NoiseModel(
        name=backend.name,
        local=_one_qubit_noise(native, pulses) | _two_qubit_noise(native, edges) | native,
        readout={q: _readout(backend, aer, q) for q in chosen},
        coupling_map=edges,
        n_qubits=backend.num_qubits,
        source=f"calibration of {backend.name}",
    ).on_qubits(chosen)


def _native_channels(aer: AerNoiseModel, chosen: Sequence[int]) -> dict[tuple[str, tuple[int, ...]], Channel]:
    wanted = set(chosen)
    return {
        (_SYNONYMS.get(gate, gate), tuple(qubits)): _channel(error)
        for gate, errors in aer._local_quantum_errors.items()
        if _SYNONYMS.get(gate, gate) in GATES
        for qubits, error in errors.items()
        if wanted.issuperset(qubits)
    }


def _channel(error: QuantumError) -> Channel:
    return Channel(PTM(SuperOp(error)).data.real)


def _pulse(aer: AerNoiseModel, device: str, qubit: int) -> Channel:
    """Return the noise of one pulse: of `sx`, or of `u2` on devices that still list the older gates."""
    for gate in ("sx", "u2"):
        error = aer._local_quantum_errors.get(gate, {}).get((qubit,))
        if error is not None:
            return _channel(error)
    raise NoiseModelError(f"{device} reports no error for `sx` (or `u2`) on qubit {qubit}; choose other qubits")


def _one_qubit_noise(native: dict[Any, Channel], pulses: dict[int, Channel]) -> dict[Any, Channel]:
    local: dict[Any, Channel] = {}
    for q, pulse in pulses.items():
        x = native.get(("x", (q,)), native.get(("u", (q,)), pulse))
        virtual = native.get(("rz", (q,)), identity_channel())
        local |= {(gate, (q,)): _repeat(pulse, count) for gate, count in _PULSES.items()}
        local |= {("x", (q,)): x, ("y", (q,)): x, ("id", (q,)): identity_channel()}
        local |= {(gate, (q,)): virtual for gate in _VIRTUAL}
    return local


def _two_qubit_noise(native: dict[Any, Channel], edges: Sequence[tuple[int, int]]) -> dict[Any, Channel]:
    local: dict[Any, Channel] = {}
    for pair in edges:
        channel = _pair_channel(native, pair)
        local |= {(gate, pair): _repeat(channel, uses) for gate, uses in _NATIVE_PAIRS.items()}
    return local


def _pair_channel(native: dict[Any, Channel], pair: tuple[int, int]) -> Channel:
    for gate in ("cx", "cz", "ecr", "rzz"):
        if (gate, pair) in native:
            return native[gate, pair]
        if (gate, pair[::-1]) in native:
            return native[gate, pair[::-1]].reversed_qubits()
    return identity_channel(2)


def _repeat(channel: Channel, times: int) -> Channel:
    return Channel(np.linalg.matrix_power(channel.ptm, times))


def _coupled_pairs(backend: Any, chosen: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Return the working pairs in both directions; an error of 1 marks a broken edge and is left out.

    Where it marks all edges of a device, it can only mean that their errors are not known; all count as working then.
    """
    wanted = set(chosen)
    reported = {
        (gate, tuple(qargs)): properties is None or properties.error is None or properties.error < 1
        for gate in backend.target.operation_names
        for qargs, properties in (backend.target[gate] or {}).items()
        if qargs is not None and len(qargs) == 2
    }
    any_works = any(reported.values())
    pairs = {pair for (_, pair), works in reported.items() if (works or not any_works) and wanted.issuperset(pair)}
    return tuple(sorted(pairs | {pair[::-1] for pair in pairs}))


def _readout(backend: Any, aer: AerNoiseModel, qubit: int) -> Readout:
    try:
        reported = backend.properties().qubit_property(qubit)
        return ReadoutError(float(reported["prob_meas1_prep0"][0]), float(reported["prob_meas0_prep1"][0]))
    except (AttributeError, KeyError):  # no per-outcome calibration: fall back on the symmetric error
        return _aer_readout(aer, qubit)


def _aer_readout(aer: AerNoiseModel, qubit: int) -> ReadoutError:
    error = aer._local_readout_errors.get((qubit,), aer._default_readout_error)
    if error is None:
        return ReadoutError(0.0, 0.0)
    return ReadoutError(float(error.probabilities[0][1]), float(error.probabilities[1][0]))


def noise_from_aer(model: AerNoiseModel, *, name: str = "aer") -> NoiseModel:
    """Translate a Qiskit Aer noise model.

    Raises:
        NoiseModelError: for errors on gates that are not native, or read-out errors on several qubits together.
    """
    listed = [*model._local_quantum_errors, *model._default_quantum_errors]
    unknown = sorted({g for g in listed if _SYNONYMS.get(g, g) not in GATES and g not in _NOT_GATES})
    if unknown:
        raise NoiseModelError(
            f"the Aer model has errors on {', '.join(unknown)}, which qvar would decompose; remove them"
        )
    joint = [qubits for qubits in model._local_readout_errors if len(qubits) > 1]
    if joint:
        raise NoiseModelError(f"joint read-out errors on {joint} are not supported; give one error per qubit")
    default_readout = model._default_readout_error
    return NoiseModel(
        name=name,
        local={
            (_SYNONYMS.get(gate, gate), tuple(qubits)): _channel(error)
            for gate, errors in model._local_quantum_errors.items()
            if gate not in _NOT_GATES
            for qubits, error in errors.items()
        },
        default={
            _SYNONYMS.get(gate, gate): _channel(error)
            for gate, error in model._default_quantum_errors.items()
            if gate not in _NOT_GATES
        },
        readout={qubits[0]: _aer_readout(model, qubits[0]) for qubits in model._local_readout_errors},
        default_readout=None if default_readout is None else _aer_readout(model, -1),
        strict=False,
        source="Qiskit Aer noise model",
    )


def noise_to_aer(model: NoiseModel) -> AerNoiseModel:
    """Return the model for Qiskit Aer; each gate gets one Kraus channel, which Aer applies without truncation.

    Raises:
        NoiseModelError: for `StateFlip` read-out, which Aer cannot express.
    """
    aer = AerNoiseModel()
    noisy_by_default = {gate for gate, channel in model.default.items() if not channel.is_identity()}
    for (gate, qubits), channel in model.local.items():
        if gate in noisy_by_default or not channel.is_identity():
            aer.add_quantum_error(_quantum_error(channel), gate, list(qubits), warnings=False)
    for gate, channel in model.default.items():
        if not channel.is_identity():
            aer.add_all_qubit_quantum_error(_quantum_error(channel), gate, warnings=False)
    for qubit, error in model.readout.items():
        aer.add_readout_error(_KeptReadout(confusion_matrix(error)), [qubit], warnings=False)
    if model.default_readout is not None:
        aer.add_all_qubit_readout_error(confusion_matrix(model.default_readout), warnings=False)
    return aer


class KeptError(QuantumError):  # type: ignore[misc]
    """An error that Aer keeps as it is.

    Aer drops what it finds to be the identity, to 1e-8: a gate on some qubits that is better than the default would get
    the default. It also asks often, and finding out takes milliseconds.
    """

    def ideal(self) -> bool:
        """Return False."""
        return False


class _KeptReadout(AerReadoutError):  # type: ignore[misc]
    """A read-out error that Aer keeps, even if it is none beside a default."""

    def ideal(self) -> bool:
        """Return False."""
        return False


def _quantum_error(channel: Channel) -> QuantumError:
    return KeptError(Kraus(list(channel.kraus())))  # Qiskit's own way from Choi to Kraus drops weights below 1e-8


def confusion_matrix(error: Readout) -> list[list[float]]:
    """Return the probabilities of reading 0 and 1, one row for each prepared bit.

    Raises:
        NoiseModelError: for `StateFlip`, which Aer cannot express.
    """
    if isinstance(error, StateFlip):
        raise NoiseModelError("Qiskit Aer cannot express StateFlip read-out; use ReadoutError")
    return [[1 - error.p01, error.p01], [error.p10, 1 - error.p10]]
