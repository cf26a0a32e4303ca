"""What a job will cost, before it is submitted.

    seconds = 2 * ceil(executions / 5e6) + sum over executions of max(350 us, rep_delay + duration of the circuit)

IBM documents `<per sub-job overhead> + (rep_delay + <circuit length>) * <num executions>` as an approximation, and
`2 + 0.00035 * <num executions>` for jobs without a repetition delay of their own (guide "Workload usage"); jobs above
5 million executions are counted here as several. The executions are those of the very program that will be sent:
shots times bases, parameter values, twirling randomizations, noise factors and readout calibration circuits.

An approximation remains one: what counts is what IBM bills. The job is therefore sent with a maximum execution time,
by default twice the estimate, which is what is reserved; the service stops the job there.
"""

import math
from dataclasses import dataclass
from typing import Any

from qvar.hardware.connection import check_fits
from qvar.hardware.redaction import guarded
from qvar.hardware.request import Request
from qvar.hardware.submission import program
from qvar.simulators.errors import HardwareError

__all__ = ["CostEstimate", "estimate"]

_OVERHEAD, _PER_EXECUTION, _SUB_JOB = 2.0, 350e-6, 5_000_000
_REP_DELAY = 250e-6
_LARGEST_FOLDING = 5  # of zero-noise extrapolation, which makes circuits longer


@dataclass(frozen=True)
class CostEstimate:
    """What one or several jobs are expected to cost.

    Attributes:
        jobs: number of jobs.
        circuits: circuits that run, each randomization and basis counted.
        shots: executions of circuits in total.
        qpu_seconds: expected seconds of the quantum processor.
        reserved_seconds: what is reserved for them, and sent as maximum execution time.
        how: the formula with its numbers.
    """

    jobs: int
    circuits: int
    shots: int
    qpu_seconds: float
    reserved_seconds: float
    how: str

    def times(self, jobs: int) -> "CostEstimate":
        """Return the estimate of `jobs` times as many jobs of the same kind."""
        return CostEstimate(
            self.jobs * jobs,
            self.circuits * jobs,
            self.shots * jobs,
            self.qpu_seconds * jobs,
            self.reserved_seconds * jobs,
            f"{jobs} x ({self.how})",
        )

    def __add__(self, other: "CostEstimate") -> "CostEstimate":
        return CostEstimate(
            self.jobs + other.jobs,
            self.circuits + other.circuits,
            self.shots + other.shots,
            self.qpu_seconds + other.qpu_seconds,
            self.reserved_seconds + other.reserved_seconds,
            f"{self.how} + {other.how}",
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the estimate as a JSON object."""
        return dict(vars(self))


def estimate(request: Request, backend: Any) -> CostEstimate:
    """Return what a request will cost on a backend; nothing is submitted.

    Raises:
        HardwareError: if the circuits are not in the gates of the backend, or their options contradict each other.
    """
    return guarded(lambda: _estimate(request, backend), "estimating the cost")  # may ask for the calibration


def _estimate(request: Request, backend: Any) -> CostEstimate:
    _check_circuits(request, backend)
    sent = program(request, backend)
    circuits = sum(int(item.size()) for item in sent.items)
    executions = circuits * int(sent.shots)
    each = max(_PER_EXECUTION, _rep_delay(backend) + _longest(request, backend))
    pieces = math.ceil(executions / _SUB_JOB)
    seconds = _OVERHEAD * pieces + each * executions
    most = request.options.max_execution_seconds
    if most is not None and most < seconds:
        raise HardwareError(
            f"the job needs about {seconds:.1f} s and max_execution_seconds is {most}: the service would stop it and "
            "bill it; allow for more, or ask for less"
        )
    reserved = math.ceil(2 * seconds) if most is None else most
    how = f"{pieces * _OVERHEAD:g} s + {executions} executions x {each * 1e6:.0f} us = {seconds:.2f} s"
    return CostEstimate(1, circuits, executions, seconds, float(reserved), how)


def _check_circuits(request: Request, backend: Any) -> None:
    for pub in request.pubs:
        check_fits(pub.circuit.num_qubits, backend)
        missing = {i.name for i in pub.circuit.data} - set(backend.target.operation_names) - {"barrier"}
        if missing:
            raise HardwareError(
                f"{backend.name} does not execute {', '.join(sorted(missing))}; transpile first, once per circuit: "
                "HardwareRun.pass_manager().run(circuit), and observable.apply_layout(circuit.layout)"
            )


def _rep_delay(backend: Any) -> float:
    delay = getattr(backend, "default_rep_delay", None)
    return float(delay) if isinstance(delay, int | float) and 0 <= delay < 1 else _REP_DELAY


def _longest(request: Request, backend: Any) -> float:
    folding = _LARGEST_FOLDING if request.kind == "estimator" and request.options.resilience_level == 2 else 1
    return folding * max(_duration(pub.circuit, backend.target) for pub in request.pubs)


def _duration(circuit: Any, target: Any) -> float:
    """Return the seconds of the longest chain of gates, 0 for gates whose duration is not known."""
    ends = [0.0] * circuit.num_qubits
    for instruction in circuit.data:
        qubits = tuple(circuit.find_bit(q).index for q in instruction.qubits)
        properties = (target[instruction.name] or {}).get(qubits) if instruction.name in target else None
        end = max(ends[q] for q in qubits) + (getattr(properties, "duration", None) or 0.0)
        for q in qubits:
            ends[q] = end
    return max(ends) + _readout_time(target)


def _readout_time(target: Any) -> float:
    measured = (target["measure"] or {}).values() if "measure" in target else ()
    return max((getattr(p, "duration", None) or 0.0 for p in measured), default=0.0)
