"""The noise of a device, real or fake, as a file for work without it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from qvar.simulators import NoiseModel
from qvar.simulators.errors import NoiseModelError

__all__ = ["device_snapshot"]


def device_snapshot(backend: Any, *, qubits: Sequence[int] | None = None) -> NoiseModel:
    """Return the calibrated noise of a backend; its `source` says which calibration it is.

    Read-out errors keep their asymmetry where the backend reports it.

    Args:
        backend: a `BackendV2`; only its published calibration is read.
        qubits: physical qubits in order, renumbered 0, 1, ...; None for all.

    Raises:
        NoiseModelError: if the backend has no calibration, or a qubit is out of range.
    """
    model = NoiseModel.from_backend(backend, qubits=qubits)
    return replace(model, source=f"calibration of {backend.name}{_version(backend)}, {_date(backend)}")


def _version(backend: Any) -> str:
    version = getattr(backend, "backend_version", None)
    return f" {version}" if version else ""


def _date(backend: Any) -> str:
    try:
        date = backend.properties().last_update_date
    except AttributeError:
        return "date unknown"
    except Exception as error:  # a service that cannot be reached raises types of its own
        raise NoiseModelError(f"{backend.name} does not tell when it was calibrated: {type(error).__name__}") from None
    return f"{date:%Y-%m-%d %H:%M %Z}".strip()
