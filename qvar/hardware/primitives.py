"""Qiskit primitives over a `HardwareRun`: for EstimatorQNN, SamplerQNN, VQC, and our classifiers."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from qiskit.primitives import BaseEstimatorV2, BaseSamplerV2

from qvar.hardware.request import Request

if TYPE_CHECKING:
    from qvar.hardware.job import HardwareJob
    from qvar.hardware.run import HardwareRun

__all__ = ["HardwareEstimator", "HardwareSampler"]


class HardwareEstimator(BaseEstimatorV2):  # type: ignore[misc]
    """Expectation values with error bars from a device, within the limits of a run. One job per call.

    Args:
        run: the device with its limits and record.
    """

    def __init__(self, run: "HardwareRun") -> None:
        self._run = run

    def run(self, pubs: Iterable[Any], *, precision: float | None = None) -> "HardwareJob":
        """Run PUBs with circuits in the gates of the backend.

        Args:
            pubs: (circuit, observables, parameter values) as Qiskit takes them.
            precision: wanted standard error for PUBs without their own; None for that of the options.

        Raises:
            HardwareError: if the job is not allowed or cannot be submitted.
        """
        return self._run.submit(Request.of("estimator", pubs, self._run.options, precision=precision))


class HardwareSampler(BaseSamplerV2):  # type: ignore[misc]
    """Bits of every shot from a device, within the limits of a run. One job per call.

    Args:
        run: the device with its limits and record.
    """

    def __init__(self, run: "HardwareRun") -> None:
        self._run = run

    def run(self, pubs: Iterable[Any], *, shots: int | None = None) -> "HardwareJob":
        """Run PUBs with measured circuits in the gates of the backend.

        Args:
            pubs: (circuit, parameter values) as Qiskit takes them.
            shots: for PUBs without their own; None for those of the options.

        Raises:
            HardwareError: if the job is not allowed or cannot be submitted.
        """
        return self._run.submit(Request.of("sampler", pubs, self._run.options, shots=shots))
