"""The outcome of an experiment on hardware: what was predicted, what was measured, and what it took."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from qvar.runs import sealed
from qvar.simulators.errors import HardwareError
from qvar.simulators.untrusted import UNREADABLE

__all__ = ["HardwareRecord", "MeasuredValue", "Prediction", "read_json", "read_record"]


@dataclass(frozen=True)
class Prediction:
    """Exact values of one observable, in its unit.

    Attributes:
        noiseless: of the original circuit.
        pauli_transfer: under the noise of the device, by our Pauli-transfer engine; None if too many qubits are in use.
        aer: the same by the density matrix of Qiskit Aer.
        spread: standard deviation of the estimate from one shot of every basis; divide by the root of the shots per
            basis for the standard error. It holds the covariances of terms that are measured together, which the
            error reported by qiskit-ibm-runtime leaves out.
    """

    noiseless: float
    pauli_transfer: float | None
    aer: float | None
    spread: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the values as JSON-able data."""
        return asdict(self)


@dataclass(frozen=True)
class MeasuredValue:
    """What a device measured.

    Attributes:
        resilience_level: 0 nothing, 1 read-out mitigation, 2 also zero-noise extrapolation.
        value: in the unit of the observable.
        error: its standard error, None where the extrapolation to zero noise cannot tell one.
        job_id: the service's name of the job.
        shots: executions of circuits.
        estimated_seconds: expected seconds of the quantum processor.
        used_seconds: seconds billed; None while not known, and for fake backends the estimate.
    """

    resilience_level: int
    value: float
    error: float | None
    job_id: str
    shots: int
    estimated_seconds: float
    used_seconds: float | None


@dataclass(frozen=True)
class HardwareRecord:
    """The outcome of an experiment.

    Attributes:
        title: what it is.
        unit: of all values.
        exact: lowest eigenvalue of the observable, None if unknown.
        backend: name of the backend.
        is_real: whether it is a device.
        qubits: physical qubits in use.
        layout: physical qubit of each qubit of the circuit, at the end.
        fidelity: estimated by the calibration.
        two_qubit_gates: in the transpiled circuit.
        depth: of the transpiled circuit.
        prediction: exact values, noiseless and under the noise of the device.
        shots: per measured basis.
        measured: values of the device, by resilience level.
    """

    title: str
    unit: str
    exact: float | None
    backend: str
    is_real: bool
    qubits: tuple[int, ...]
    layout: tuple[int, ...]
    fidelity: float
    two_qubit_gates: int
    depth: int
    prediction: Prediction
    shots: int
    measured: tuple[MeasuredValue, ...]

    def deviation(self, measured: MeasuredValue) -> float | None:
        """Return how far a value lies from the prediction in predicted standard errors.

        None with mitigation, which is not predicted, and where the prediction has no error.
        """
        predicted, spread = self.prediction.pauli_transfer, self.prediction.spread
        if measured.resilience_level or predicted is None or not spread:
            return None
        return (measured.value - predicted) / (spread / math.sqrt(self.shots))

    def to_dict(self) -> dict[str, Any]:
        """Return the record as JSON-able data."""
        return dict(json.loads(json.dumps(asdict(self), allow_nan=False)))

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "HardwareRecord":
        """Read what `to_dict` gave.

        Raises:
            HardwareError: if it is something else.
        """
        try:
            content = {entry.name: data[entry.name] for entry in fields(cls)}
            content["qubits"], content["layout"] = tuple(content["qubits"]), tuple(content["layout"])
            content["prediction"] = Prediction(**content["prediction"])
            content["measured"] = tuple(MeasuredValue(**value) for value in content["measured"])
            return cls(**content)
        except UNREADABLE as error:
            raise HardwareError(f"not the record of an experiment on hardware: {error!r}") from None


def read_record(folder: Path) -> HardwareRecord:
    """Return the outcome of the experiment in a folder.

    Raises:
        HardwareError: if it is not finished or damaged.
    """
    return HardwareRecord.from_dict(read_json(folder / "hardware.json"))


def read_json(file: Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        HardwareError: if it is missing or damaged.
    """
    try:
        return sealed.read_json(file)
    except OSError as error:
        raise HardwareError(f"{file.parent} holds no {file.name}: {error.strerror}") from None
    except ValueError as error:
        raise HardwareError(f"{file} is damaged: {error}") from None
