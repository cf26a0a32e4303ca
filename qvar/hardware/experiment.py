"""One circuit and one observable on one device: planned, predicted, priced, executed, and kept as a record.

| file in the folder | content |
|---|---|
| experiment.json | what was asked; written first, never changed, enough to go on after being killed |
| journal.jsonl, results/ | the jobs and their results (see `HardwareRun`) |
| hardware.json | the outcome: predictions, measured values with standard errors, jobs, estimate and usage |
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from qvar.hardware.device_circuit import DeviceCircuit, device_circuit
from qvar.hardware.estimation import CostEstimate, estimate
from qvar.hardware.job import HardwareJob
from qvar.hardware.limits import Limits
from qvar.hardware.options import ExecutionOptions
from qvar.hardware.prediction import Prediction, predict
from qvar.hardware.request import Request
from qvar.hardware.run import HardwareRun
from qvar.runs.folder import describe_differences
from qvar.simulators import Circuit, Observable
from qvar.simulators.errors import HardwareError
from qvar.simulators.files import write_atomically

__all__ = ["Experiment", "HardwareRecord", "MeasuredValue", "Plan", "execute", "open_experiment", "plan", "read_record"]

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
        except (KeyError, TypeError) as error:
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


def plan(experiment: Experiment, backend: Any) -> Plan:
    """Transpile, predict and price an experiment; nothing is submitted.

    Args:
        experiment: what to execute.
        backend: the opened backend.

    Raises:
        HardwareError: if the circuit does not fit on the device.
    """
    options = experiment.options
    compiled = device_circuit(
        experiment.circuit,
        backend,
        optimization_level=options.optimization_level,
        seed=options.seed_transpiler,
        tries=experiment.tries,
        initial_layout=options.initial_layout,
    )
    pub = (compiled.isa, experiment.observable.to_qiskit().apply_layout(compiled.isa.layout))
    requests = {
        level: Request.of("estimator", [pub], replace(options, resilience_level=level)) for level in experiment.levels
    }
    return Plan(
        compiled,
        predict(experiment.circuit, compiled, experiment.observable),
        requests,
        {level: estimate(request, backend) for level, request in requests.items()},
    )


@dataclass(frozen=True)
class MeasuredValue:
    """What a device measured.

    Attributes:
        resilience_level: 0 nothing, 1 read-out mitigation, 2 also zero-noise extrapolation.
        value: in the unit of the observable.
        error: its standard error.
        job_id: the service's name of the job.
        shots: executions of circuits.
        estimated_seconds: expected seconds of the quantum processor.
        used_seconds: seconds billed; None while not known, and for fake backends the estimate.
    """

    resilience_level: int
    value: float
    error: float
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
    measured: tuple[MeasuredValue, ...]

    def deviation(self, measured: MeasuredValue) -> float | None:
        """Return how far a value lies from the prediction in standard errors; None with mitigation or without one."""
        predicted = self.prediction.pauli_transfer
        if measured.resilience_level or predicted is None or measured.error <= 0:
            return None
        return (measured.value - predicted) / measured.error

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
        except (KeyError, TypeError) as error:
            raise HardwareError(f"not the record of an experiment on hardware: {error!r}") from None


def open_experiment(folder: Path) -> Experiment:
    """Return the experiment of a folder.

    Raises:
        HardwareError: if the folder holds none.
    """
    return Experiment.from_dict(_read(folder / "experiment.json", folder))


def read_record(folder: Path) -> HardwareRecord:
    """Return the outcome of the experiment in a folder.

    Raises:
        HardwareError: if it is not finished or damaged.
    """
    return HardwareRecord.from_dict(_read(folder / "hardware.json", folder))


def _read(file: Path, folder: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise HardwareError(f"{folder} holds no {file.name}: {error.strerror}") from None
    except ValueError as error:
        raise HardwareError(f"{file} is damaged: {error}") from None


def execute(experiment: Experiment, planned: Plan, run: HardwareRun) -> HardwareRecord:
    """Submit the jobs of an experiment, or take them up where an earlier process left them, and write the record.

    Args:
        experiment: what to execute.
        planned: the same on the device.
        run: the device, with limits, consent, and the folder of the record.

    Raises:
        HardwareError: if the folder belongs to another experiment, a job is not allowed, or one fails for good.
    """
    _claim(experiment, run.folder)
    # Submitted all at once, so that jobs of a batch run beside each other.
    jobs = {level: run.submit(request) for level, request in planned.requests.items()}
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
        measured=tuple(_measured(level, job) for level, job in jobs.items()),
    )
    write_atomically(run.folder / "hardware.json", json.dumps(record.to_dict(), indent=1).encode())
    return record


def _claim(experiment: Experiment, folder: Path) -> None:
    """Write down what was asked, or check that it is what the folder is for; limits may change."""
    content = experiment.to_dict()
    file = folder / "experiment.json"
    if file.exists():
        known = _read(file, folder)
        same = {name: value for name, value in content.items() if name != "limits"}
        if {name: known.get(name) for name in same} != same:
            details = describe_differences(known, content)
            raise HardwareError(f"{folder} holds another experiment ({details}); choose another folder with --out")
        return
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(file, json.dumps(content, indent=1, allow_nan=False).encode())


def _measured(level: int, job: HardwareJob) -> MeasuredValue:
    data = job.result()[0].data
    entry = job.entry
    assert entry is not None
    return MeasuredValue(
        resilience_level=level,
        value=float(data.evs),
        error=float(data.stds),
        job_id=job.job_id(),
        shots=entry.shots,
        estimated_seconds=entry.estimated_seconds,
        used_seconds=entry.usage,
    )
