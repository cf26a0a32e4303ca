"""Services and backends: the account, devices by name, and what there is."""

import hashlib
import stat
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from qvar.hardware.redaction import account_file, guarded, learn_secret, saved_tokens, shield_logs
from qvar.simulators.devices import fake_backend, fake_backend_names
from qvar.simulators.errors import HardwareError, NoiseModelError
from qvar.simulators.extras import how_to_install

__all__ = [
    "BackendRow",
    "account_of",
    "check_account_file",
    "check_fits",
    "check_installed",
    "is_real",
    "list_backends",
    "open_backend",
    "open_service",
    "plan_of",
]

_HELP = (
    "set QISKIT_IBM_TOKEN (and QISKIT_IBM_INSTANCE) in the environment, or save an account once with "
    "QiskitRuntimeService.save_account; a token is never taken as an argument"
)


def check_installed() -> None:
    """Raise HardwareError unless a qiskit-ibm-runtime with executor-based primitives is installed."""
    try:
        import qiskit_ibm_runtime.executor_estimator
        import qiskit_ibm_runtime.executor_sampler  # noqa: F401
    except ImportError:
        raise HardwareError(
            f"hardware and fake backends need qiskit-ibm-runtime 0.50 or later; {how_to_install('ibm')}"
        ) from None


def open_service(*, account: str | None = None, instance: str | None = None) -> Any:
    """Connect to IBM Quantum with the credentials of the environment or of a saved account.

    Args:
        account: name of a saved account, None for the default one.
        instance: name or CRN of the instance, None for that of the account.

    Raises:
        HardwareError: if qiskit-ibm-runtime or the credentials are missing, or the service refuses; the message never
            holds the token.
    """
    check_installed()
    check_account_file()
    from qiskit_ibm_runtime import QiskitRuntimeService

    def connect() -> Any:
        return QiskitRuntimeService(name=account, instance=instance)

    shield_logs()
    try:
        service = guarded(connect, "connecting to IBM Quantum")
        learn_secret(service)
        return service
    except HardwareError as error:
        message = f"{error}; {_HELP}"
    raise HardwareError(message)


_WARNED: set[str] = set()


def check_account_file() -> None:
    """Warn, once, if others on this machine can read the saved account."""
    file = account_file()
    try:
        mode = file.stat().st_mode
    except OSError:
        return
    if mode & (stat.S_IRGRP | stat.S_IROTH) and saved_tokens() and str(file) not in _WARNED:
        _WARNED.add(str(file))
        warnings.warn(f"others can read your IBM Quantum token; run: chmod 600 {file}", UserWarning, stacklevel=2)


def open_backend(name: Any, *, service: Any = None) -> Any:
    """Return a backend.

    Args:
        name: "fake:FakeLagosV2" for a fake backend, the name of a device such as "ibm_fez", or a `BackendV2`, which
            is returned as it is.
        service: where to find a device; None opens the one of your account.

    Raises:
        HardwareError: if there is no such backend.

    Example:
        >>> open_backend("fake:FakeLagosV2").num_qubits
        7
    """
    if not isinstance(name, str):
        if hasattr(name, "target") and hasattr(name, "num_qubits"):
            return name
        raise HardwareError(f"a backend is a name or a BackendV2, got {type(name).__name__}")
    check_installed()
    if name.startswith("fake:"):
        try:
            return fake_backend(name.removeprefix("fake:"))
        except NoiseModelError as error:
            raise HardwareError(str(error)) from None
    service = open_service() if service is None else service
    return guarded(lambda: service.backend(name), f"opening the backend {name!r}")


def check_fits(n_qubits: int, backend: Any) -> None:
    """Raise HardwareError if a circuit has more qubits than a backend."""
    if n_qubits > backend.num_qubits:
        raise HardwareError(
            f"the circuit has {n_qubits} qubits, {backend.name} {backend.num_qubits}; take a larger device"
        )


def is_real(backend: Any) -> bool:
    """Return whether a backend is a device of a service, whose time may cost money."""
    check_installed()
    from qiskit_ibm_runtime import IBMBackend

    return isinstance(backend, IBMBackend)


def plan_of(backend: Any) -> str | None:
    """Return the plan of the account that a backend belongs to ("open", ...), None if it is not known."""
    crn = getattr(backend, "_instance", None)
    try:
        instances = guarded(lambda: backend.service.instances(), "asking for the plan")
    except HardwareError:
        return None
    plans = [str(instance.get("plan")) for instance in instances if instance.get("crn") == crn]
    return plans[0].lower() if plans else None


def account_of(backend: Any) -> str | None:
    """Return a hash of the instance that a backend belongs to, None for fake backends."""
    crn = getattr(backend, "_instance", None)
    return None if crn is None else hashlib.sha256(str(crn).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class BackendRow:
    """One backend as a row of a table.

    Attributes:
        name: as `open_backend` takes it.
        qubits: number of qubits.
        queue: pending jobs, None if unknown.
        native_gates: names of the gates it executes.
        two_qubit_error: median of the two-qubit gates in use, None if unknown.
        readout_error: median, None if unknown.
        operational: whether it takes jobs.
        kind: "device", "simulator" or "fake".
    """

    name: str
    qubits: int
    queue: int | None
    native_gates: tuple[str, ...]
    two_qubit_error: float | None
    readout_error: float | None
    operational: bool
    kind: str


def list_backends(*, service: Any = None, fake: bool = False, min_qubits: int = 1) -> list[BackendRow]:
    """Return the backends there are, by name.

    Args:
        service: whose devices to list; None opens the one of your account. Not used for fake backends.
        fake: list the fake backends instead, without any account.
        min_qubits: leave out smaller ones.

    Raises:
        HardwareError: if the service cannot be reached.
    """
    if fake:
        check_installed()
        rows = [_row(f"fake:{name}", fake_backend(name), "fake") for name in fake_backend_names()]
    else:
        service = open_service() if service is None else service
        backends: Iterable[Any] = guarded(service.backends, "listing the backends")
        rows = [guarded(lambda b=b: _row(b.name, b, None), f"asking for {b.name}") for b in backends]  # type: ignore[misc]
    return sorted((row for row in rows if row.qubits >= min_qubits), key=lambda row: row.name)


def _row(name: str, backend: Any, kind: str | None) -> BackendRow:
    queue, operational = None, True
    if kind is None:
        status = backend.status()
        queue, operational = int(status.pending_jobs), bool(status.operational)
        kind = "simulator" if backend.configuration().simulator else "device"
    target = backend.target
    errors: dict[str, list[float]] = {"two": [], "read": []}
    for gate in target.operation_names:
        for qubits, properties in (target[gate] or {}).items():
            error = getattr(properties, "error", None)
            if error is None or qubits is None or error >= 1:  # an error of 1 marks a gate that is out of use
                continue
            if gate == "measure":
                errors["read"].append(error)
            elif len(qubits) == 2:
                errors["two"].append(error)
    medians = {key: float(np.median(values)) if values else None for key, values in errors.items()}
    gates = tuple(sorted(target.operation_names))
    return BackendRow(
        name, int(backend.num_qubits), queue, gates, medians["two"], medians["read"], operational, str(kind)
    )
