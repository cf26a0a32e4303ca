"""Observables measured by any Qiskit sampler: hardware, fake backends, Aer."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from qvar.classify.parametrized import ParametrizedCircuit
from qvar.simulators.errors import ClassifierError

__all__ = ["SamplerReader"]

Floats = NDArray[np.float64]


class SamplerReader:
    """Measures every row on a `BaseSamplerV2` and averages what the outcomes are worth.

    Args:
        sampler: any V2 sampler.
        circuit: what runs for each row.
        outcome_values: values of the K observables at every outcome, shape (K, 2**n_qubits).
        shots: per circuit.
        pass_manager: transpiles the circuit once; None if the sampler takes it as it is.
        rows_per_job: at most so many circuits go out together, one job after another. A job that fails ends the
            evaluation; the training keeps what it had found before.
    """

    has_reverse_sweep = False

    def __init__(
        self,
        sampler: Any,
        circuit: ParametrizedCircuit,
        outcome_values: Floats,
        *,
        shots: int,
        pass_manager: Any = None,
        rows_per_job: int = 1000,
    ) -> None:
        measured = circuit.circuit.to_qiskit()
        angles = list(measured.parameters)
        measured.measure_all()
        self._circuit = measured if pass_manager is None else pass_manager.run(measured)
        self._columns = [angles.index(p) for p in self._circuit.parameters]
        self._sampler, self._shots, self._rows_per_job = sampler, shots, rows_per_job
        self._outcome_values = outcome_values

    def values(self, angles: Floats, states: NDArray[Any] | None = None) -> Floats:
        """Return the means over the shots, shape (B, K), for angles of shape (B, S)."""
        assert states is None
        n = self._rows_per_job
        return np.concatenate([self._run(angles[k : k + n, self._columns]) for k in range(0, len(angles), n)])

    def gradients(self, angles: Floats, slopes: Floats, states: NDArray[Any] | None = None) -> Floats:  # noqa: ARG002
        """Refuse: a device gives no derivatives but by shifts."""
        raise ClassifierError("a sampler has no reverse sweep; shift the angles instead")

    def _run(self, angles: Floats) -> Floats:
        measured = self._sampler.run([(self._circuit, angles)], shots=self._shots).result()[0].data.meas
        bits = np.asarray(measured.array)  # bytes of each shot, most significant first: (B, shots, n_bytes)
        outcomes = bits @ (256 ** np.arange(bits.shape[-1])[::-1])
        return np.asarray(self._outcome_values[:, outcomes].mean(axis=-1).T)
