"""The runtime primitives: how a request becomes a job of the service, and how a job is found again."""

from typing import Any

from qvar.hardware.connection import check_installed
from qvar.hardware.options import ExecutionOptions
from qvar.hardware.redaction import guarded
from qvar.hardware.request import Request
from qvar.simulators.errors import HardwareError

__all__ = ["billed_seconds", "jobs_with_tag", "primitive", "program"]


def primitive(request: Request, mode: Any, *, tag: str | None, seconds: int | None) -> Any:
    """Return the executor-based Estimator or Sampler that runs a request.

    Args:
        request: what to run.
        mode: a backend, batch or session.
        tag: for finding the job again.
        seconds: maximum execution time.
    """
    check_installed()
    from qiskit_ibm_runtime.executor_estimator import Estimator
    from qiskit_ibm_runtime.executor_sampler import Sampler

    settings = _settings(request, tag, seconds)
    kind = Sampler if request.kind == "sampler" else Estimator
    return guarded(lambda: kind(mode=mode, options=settings), "preparing the primitive")


def program(request: Request, backend: Any) -> Any:
    """Return the program that the primitive would send: every circuit with its randomizations, and the shots."""
    check_installed()
    from qiskit_ibm_runtime.executor_estimator.prepare import prepare as for_estimator
    from qiskit_ibm_runtime.executor_sampler.prepare import prepare as for_sampler

    prepare = for_sampler if request.kind == "sampler" else for_estimator
    options = primitive(request, backend, tag=None, seconds=None).options
    return guarded(lambda: prepare(list(request.pubs), options, backend=backend)[0], "preparing the circuits")


def _settings(request: Request, tag: str | None, seconds: int | None) -> dict[str, Any]:
    options = request.options
    settings: dict[str, Any] = {
        "default_shots": options.shots,
        "twirling": _twirling(request.kind, options),
        "max_execution_time": seconds,
        "environment": {"job_tags": [] if tag is None else [tag]},
        "simulator": {"seed_simulator": request.seed},
    }
    if options.dynamical_decoupling is not None:
        settings["dynamical_decoupling"] = {"enable": True, "sequence_type": options.dynamical_decoupling}
    if request.kind == "estimator":
        settings["resilience_level"] = options.resilience_level
    return settings


def _twirling(kind: str, options: ExecutionOptions) -> dict[str, bool]:
    if options.twirling is None:
        return {}
    if options.twirling or kind == "sampler" or options.resilience_level == 0:
        return {"enable_gates": options.twirling, "enable_measure": options.twirling}
    return {"enable_gates": False}  # readout mitigation needs the twirled measurements


def jobs_with_tag(backend: Any, tag: str) -> list[Any]:
    """Return the jobs of the service that carry a tag, the oldest first."""
    found = backend.service.jobs(limit=None, job_tags=[tag], instance=backend._instance, descending=False)
    return list(found)


def billed_seconds(job: Any) -> float | None:
    """Return what the service billed for a finished job, None while it has not said so.

    Raises:
        HardwareError: for a figure that makes no sense.
    """
    usage = job.metrics().get("usage") or {}
    if usage.get("status", "pending") == "pending":
        return None
    seconds = usage.get("qpu_charge_time_seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < float("inf"):
        raise HardwareError(f"the service reports a usage of {seconds!r} seconds")
    return float(seconds)
