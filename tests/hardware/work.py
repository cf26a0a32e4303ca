"""A small circuit, and a loop of energies on the scripted service."""

from dataclasses import asdict

from qvar.hardware import ExecutionOptions, HardwareRun, Journal, Limits, Patience, accept, attempt
from qvar.simulators import Circuit, Observable, Operation, Slot
from tests.hardware.scripted_service import ScriptedService

CIRCUIT = Circuit(2, (Operation("ry", (0,), (Slot(0),)), Operation("cx", (0, 1))))
OBSERVABLE = Observable.from_terms({"ZZ": 1.0, "IZ": 0.5})


def energies(work):
    """Measure energies as the dictionary `work` says; return them."""
    service = ScriptedService(
        work["service"],
        script={int(k): v for k, v in work.get("script", {}).items()},
        flaky=work.get("flaky", 0),
        kill_at=work.get("kill_at"),
    )
    if work.get("kill_at") is not None:
        _mark_moments(service)
    patience = Patience(poll_seconds=0.002, attempts=4, first_delay=0.002, longest_delay=0.01, settle_seconds=0.02)
    run = HardwareRun(
        "ibm_scripted",
        service=service,
        folder=work["folder"],
        limits=Limits(**work["limits"]),
        options=ExecutionOptions(shots=16),
        confirm=accept,
        patience=patience,
        resubmit=work.get("resubmit", False),
    )
    objective = run.engine().objective(CIRCUIT, OBSERVABLE)
    return {"energies": [objective([theta]) for theta in work["thetas"]], "spent": asdict(run.ledger.spent())}


def _mark_moments(service):
    """Let the process be killed before and after everything it writes."""

    def marked(function):
        def call(*arguments):
            service.moment()
            result = function(*arguments)
            service.moment()
            return result

        return call

    Journal.append = marked(Journal.append)
    attempt.store_result = marked(attempt.store_result)
