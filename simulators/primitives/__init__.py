"""Qiskit's primitives, and gradients for qiskit-machine-learning, over the engines of this package.

`EstimatorV2` and `SamplerV2` load Qiskit; the gradients in `qvar.simulators.primitives.gradients` load
qiskit-machine-learning, so they are imported from there.
"""

from qvar.simulators.primitives.primitives import EstimatorV2, SamplerV2

__all__ = ["EstimatorV2", "SamplerV2"]
