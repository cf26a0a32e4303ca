"""One circuit and one observable on one device: planned, predicted, priced, executed, and kept as a record.

| file in the folder | content |
|---|---|
| isa.qpy, plan.json | the circuit as the device executes it, and what was predicted; never made anew |
| experiment.json | what was asked; written before anything is submitted, and never changed |
| journal.jsonl, results/ | the jobs and their results (see `HardwareRun`) |
| hardware.json | the outcome: predictions, measured values with standard errors, jobs, estimate and usage |
"""

import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from qiskit import qpy

from qvar.hardware.device_circuit import DeviceCircuit, compiled_circuit, device_circuit
from qvar.hardware.estimation import CostEstimate, estimate
from qvar.hardware.job import HardwareJob
from qvar.hardware.limits import Limits
from qvar.hardware.options import ExecutionOptions
from qvar.hardware.prediction import predict
from qvar.hardware.record import HardwareRecord, MeasuredValue, Prediction, read_json
from qvar.hardware.request import Request
from qvar.hardware.run import HardwareRun
from qvar.runs.folder import describe_differences
from qvar.runs.sealed import read_sealed, write_json, write_sealed
from qvar.simulators import Circuit, Observable
from qvar.simulators.errors import HardwareError, QvarError
from qvar.simulators.untrusted import UNREADABLE

__all__ = ["Experiment", "Plan", "execute", "open_experiment", "plan"]

_FORMAT, _VERSION = "qvar-hardware-experiment", 1


@dataclass(frozen=True)
class Experiment:
    """What to execute.

    Attributes:
        title: what it is, for tables and figures.
        circuit: without free angles.
        observable: what to measure.
        backend: name, as `open_backend` takes it.
        levels: resilience levels to measure at, each with a job of its own.
        options: of the execution; the resilience level in it does not count.
        limits: of all jobs of the folder.
        tries: transpilations, of which the one of the highest estimated fidelity is taken.
        unit: of the observable.
        exact: lowest eigenvalue of the observable, None if unknown.

    Raises:
        HardwareError: for free angles, no level or one twice, or numbers of qubits that differ.
    """

    title: str
    circuit: Circuit
    observable: Observable
    backend: str
    levels: tuple[int, ...] = (0,)
    options: ExecutionOptions = field(default_factory=ExecutionOptions)
    limits: Limits = field(default_factory=Limits)
    tries: int = 8
    unit: str = ""
    exact: float | None = None

    def __post_init__(self) -> None:
        if self.circuit.n_parameters:
            raise HardwareError(f"the circuit has {self.circuit.n_parameters} free angle(s); bind them first")
        if self.circuit.n_qubits != self.observable.n_qubits:
            raise HardwareError(
                f"the circuit has {self.circuit.n_qubits} qubit(s) and the observable {self.observable.n_qubits}; "
                "they must agree"
            )
        if not self.levels or len(set(self.levels)) != len(self.levels):
            raise HardwareError(f"levels holds different resilience levels, at least one; got {self.levels}")
        for level in self.levels:
            replace(self.options, resilience_level=level)  # says what is wrong with a level

    def to_dict(self) -> dict[str, Any]:
        """Return the experiment as JSON-able data."""
        return {
            "format": _FORMAT,
            "version": _VERSION,
            "title": self.title,
            "circuit": self.circuit.to_qasm(),
            "observable": dict(zip(self.observable.labels, self.observable.coefficients, strict=True)),
            "backend": self.backend,
            "levels": list(self.levels),
            "options": json.loads(json.dumps(self.options.to_dict())),
            "limits": self.limits.to_dict(),
            "tries": self.tries,
            "unit": self.unit,
            "exact": self.exact,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Experiment":
        """Read what `to_dict` gave.

        Raises:
            HardwareError: if it is something else.
        """
        if not isinstance(data, Mapping) or (data.get("format"), data.get("version")) != (_FORMAT, _VERSION):
            raise HardwareError(f"not an experiment of this version (format {_FORMAT!r}, version {_VERSION})")
        try:
            return cls(
                title=data["title"],
                circuit=Circuit.from_qasm(data["circuit"]),
                observable=Observable.from_terms(data["observable"]),
                backend=data["backend"],
                levels=tuple(data["levels"]),
                options=ExecutionOptions.from_dict(data["options"]),
                limits=Limits.from_dict(data["limits"]),
                tries=data["tries"],
                unit=data["unit"],
                exact=data["exact"],
            )
        except QvarError:
            raise
        except UNREADABLE as error:
            raise HardwareError(f"the experiment is incomplete or damaged: {error!r}") from None


@dataclass(frozen=True)
class Plan:
    """An experiment on its device, before anything is submitted.

    Attributes:
        compiled: the circuit as the device executes it.
        prediction: exact values.
        requests: by resilience level.
        costs: estimated, by resilience level.
    """

    compiled: DeviceCircuit
    prediction: Prediction
    requests: dict[int, Request] = field(repr=False)
    costs: dict[int, CostEstimate]

    @property
    def cost(self) -> CostEstimate:
        """What all jobs together are expected to cost."""
        first, *others = self.costs.values()
        for other in others:
            first = first + other
        return first


def plan(experiment: Experiment, backend: Any, folder: Path | None = None) -> Plan:
    """Transpile, predict and price an experiment; nothing is submitted.

    Args:
        experiment: what to execute.
        backend: the opened backend.
        folder: of the record. If the experiment has begun there, the circuit is the one of then: another one, made
            with a newer calibration, would be paid for again.

    Raises:
        HardwareError: if the circuit does not fit on the device, or the folder belongs to another experiment.
    """
    if folder is not None and (folder / "experiment.json").exists():
        _check_same(experiment, folder)
        compiled, prediction = _planned_before(folder, backend)
    else:
        compiled = device_circuit(
            experiment.circuit,
            backend,
            optimization_level=experiment.options.optimization_level,
            seed=experiment.options.seed_transpiler,
            tries=experiment.tries,
            initial_layout=experiment.options.initial_layout,
        )
        prediction = predict(experiment.circuit, compiled, experiment.observable)
    pub = (compiled.isa, experiment.observable.to_qiskit().apply_layout(compiled.isa.layout))
    requests = {
        level: Request.of("estimator", [pub], replace(experiment.options, resilience_level=level))
        for level in experiment.levels
    }
    costs = {level: estimate(request, backend) for level, request in requests.items()}
    return Plan(compiled, prediction, requests, costs)


def _planned_before(folder: Path, backend: Any) -> tuple[DeviceCircuit, Prediction]:
    try:
        (isa,) = qpy.load(io.BytesIO(read_sealed(folder / "isa.qpy")))
        content = read_json(folder / "plan.json")
        prediction = Prediction(**content["prediction"])
        return compiled_circuit(isa, backend, fidelity=content["fidelity"], seed=content["seed"]), prediction
    except Exception as error:  # a damaged file raises whatever its reader meets first
        raise HardwareError(f"isa.qpy or plan.json in {folder} is missing or damaged: {error!r}") from None


def open_experiment(folder: Path) -> Experiment:
    """Return the experiment of a folder.

    Raises:
        HardwareError: if the folder holds none.
    """
    return Experiment.from_dict(read_json(folder / "experiment.json"))


def execute(experiment: Experiment, planned: Plan, run: HardwareRun) -> HardwareRecord:
    """Submit the jobs of an experiment, or take them up where an earlier process left them, and write the record.

    Args:
        experiment: what to execute.
        planned: the same on the device.
        run: the device, with limits, consent, and the folder of the record.

    Raises:
        HardwareError: if the folder belongs to another experiment, a job is not allowed, or one fails for good.
    """
    _claim(experiment, planned, run.folder)
    # Submitted all at once, so that the jobs of a batch run beside each other.
    jobs = {level: run.submit(request) for level, request in planned.requests.items()}
    measured = tuple(_measured(level, job) for level, job in jobs.items())
    record = HardwareRecord(
        title=experiment.title,
        unit=experiment.unit,
        exact=experiment.exact,
        backend=experiment.backend,
        is_real=run.is_real,
        qubits=planned.compiled.qubits,
        layout=planned.compiled.layout,
        fidelity=planned.compiled.fidelity,
        two_qubit_gates=planned.compiled.circuit.n_two_qubit_gates,
        depth=planned.compiled.circuit.depth(),
        prediction=planned.prediction,
        shots=experiment.options.shots_for_precision,
        measured=measured,
    )
    write_json(run.folder / "hardware.json", record.to_dict())
    return record


def _claim(experiment: Experiment, planned: Plan, folder: Path) -> None:
    """Write down what will be executed, or check that it is what the folder is for."""
    if (folder / "experiment.json").exists():
        _check_same(experiment, folder)
        return
    folder.mkdir(parents=True, exist_ok=True)
    compiled, stream = planned.compiled, io.BytesIO()
    qpy.dump(compiled.isa, stream)
    write_sealed(folder / "isa.qpy", stream.getvalue())
    made = {"prediction": planned.prediction.to_dict(), "fidelity": compiled.fidelity, "seed": compiled.seed}
    write_json(folder / "plan.json", made)
    write_json(folder / "experiment.json", experiment.to_dict())


def _check_same(experiment: Experiment, folder: Path) -> None:
    """Raise HardwareError if the folder is for another experiment; limits may change."""
    content, known = experiment.to_dict(), read_json(folder / "experiment.json")
    if {**known, "limits": None} != {**content, "limits": None}:
        details = describe_differences(known, content)
        raise HardwareError(f"{folder} holds another experiment ({details}); choose another folder with --out")


def _measured(level: int, job: HardwareJob) -> MeasuredValue:
    data = job.result()[0].data
    entry = job.entry
    assert entry is not None
    return MeasuredValue(
        resilience_level=level,
        value=float(data.evs),
        error=float(data.stds) if math.isfinite(data.stds) else None,
        job_id=job.job_id(),
        shots=entry.shots,
        estimated_seconds=entry.estimated_seconds,
        used_seconds=entry.usage,
    )
