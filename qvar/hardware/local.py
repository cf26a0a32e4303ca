"""Requests for a fake backend, on the qubits in use alone: Qiskit's local mode cannot simulate a whole large device."""

from dataclasses import replace
from typing import Any

from qiskit.primitives.containers.estimator_pub import EstimatorPub
from qiskit.primitives.containers.sampler_pub import SamplerPub
from qiskit_aer import AerSimulator

from qvar.hardware.active import ActiveBackend, active_qubits, on_active_qubits
from qvar.hardware.request import Request

__all__ = ["for_local_mode"]


def for_local_mode(request: Request, backend: Any) -> tuple[Request, Any]:
    """Return the request and the backend restricted to the qubits in use; the results are those of the whole device.

    Args:
        request: with circuits in the gates of the backend.
        backend: a fake backend; an `AerSimulator` is left as it is.
    """
    if isinstance(backend, AerSimulator):
        return request, backend
    active = set(active_qubits(pub.circuit for pub in request.pubs))
    if request.kind == "estimator":
        active |= {qubit for pub in request.pubs for qubit in _observed(pub)}
    qubits = tuple(sorted(active)) or (0,)
    restrict = _estimator_pub if request.kind == "estimator" else _sampler_pub
    pubs = tuple(restrict(pub, qubits) for pub in request.pubs)
    return replace(request, pubs=pubs), ActiveBackend(backend, qubits)


def _observed(pub: EstimatorPub) -> set[int]:
    labels = {label for observable in pub.observables.ravel().tolist() for label in observable}
    return {qubit for label in labels for qubit, letter in enumerate(reversed(label)) if letter != "I"}


def _estimator_pub(pub: EstimatorPub, qubits: tuple[int, ...]) -> EstimatorPub:
    def short(entry: Any) -> Any:
        if isinstance(entry, list):
            return [short(part) for part in entry]
        return {"".join(label[-1 - q] for q in reversed(qubits)): factor for label, factor in entry.items()}

    circuit = on_active_qubits(pub.circuit, qubits)
    return EstimatorPub.coerce((circuit, short(pub.observables.tolist()), _values(pub, circuit), pub.precision))


def _sampler_pub(pub: SamplerPub, qubits: tuple[int, ...]) -> SamplerPub:
    circuit = on_active_qubits(pub.circuit, qubits)
    return SamplerPub.coerce((circuit, _values(pub, circuit), pub.shots))


def _values(pub: Any, circuit: Any) -> Any:
    return pub.parameter_values.as_array(circuit.parameters)  # without parameters too: it carries the shape
