"""The errors a wrong call raises; catch `QvarError` to catch them all.

```
QvarError (ValueError)
├── CircuitError        a gate, qubit or parameter that does not exist
├── ObservableError     not a real sum of Pauli strings
├── ChannelError        not a completely positive, trace-preserving map
├── NoiseModelError     unknown device, unreadable noise file, missing calibration
├── EngineError         a request that this engine cannot serve
├── OptimizerError      settings or a start point that make no sense
├── ProblemError        unknown task, impossible molecule, graph or state
├── ArchitectureError   settings or actions that make no sense for the environment
├── ClassifierError     a classifier, readout or loss that does not fit its circuit or data
├── DatasetError        a data set that is missing, or not the one expected
├── HardwareError       a backend, limit, job or service of quantum hardware that stands in the way
├── LatentError         a circuit space, latent model or latent search that makes no sense
└── RunError            a run folder that is corrupted, occupied or of another configuration
```
"""

__all__ = [
    "ArchitectureError",
    "ChannelError",
    "CircuitError",
    "ClassifierError",
    "DatasetError",
    "EngineError",
    "HardwareError",
    "LatentError",
    "NoiseModelError",
    "ObservableError",
    "OptimizerError",
    "ProblemError",
    "QvarError",
    "RunError",
]


class QvarError(ValueError):
    """A call that cannot be carried out; the message says what was got, what was needed and what to do."""


class CircuitError(QvarError):
    """A gate, qubit or parameter that does not exist."""


class ObservableError(QvarError):
    """Something that is not a real sum of Pauli strings."""


class ChannelError(QvarError):
    """A map that is not completely positive and trace preserving."""


class NoiseModelError(QvarError):
    """An unknown device, an unreadable noise file or a missing calibration."""


class EngineError(QvarError):
    """A request that this engine cannot serve."""


class OptimizerError(QvarError):
    """Settings or a start point that make no sense for this optimizer."""


class ProblemError(QvarError):
    """An unknown task, or a molecule, graph, state or unitary that cannot be."""


class ArchitectureError(QvarError):
    """Settings or actions that make no sense for the architecture-search environment."""


class ClassifierError(QvarError):
    """A classifier, readout or loss that does not fit its circuit or its data."""


class DatasetError(QvarError):
    """A data set that is missing, unreadable, or not the one expected."""


class LatentError(QvarError):
    """A circuit space, encoding, latent model or latent search that makes no sense, or does not fit its data."""


class HardwareError(QvarError):
    """A backend, limit, job or service of quantum hardware that stands in the way of a request."""


class RunError(QvarError):
    """A run folder that is corrupted, occupied, or belongs to another configuration."""
