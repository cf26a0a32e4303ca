"""Quantum hardware: circuits on IBM devices and their fakes, never dearer than allowed and never paid for twice.

```
request -> estimate -> confirm -> reserve -> submit -> wait -> store -> settle
```
`HardwareRun` joins a backend, its limits and a folder. Its `estimator()` and `sampler()` are Qiskit primitives, its
`engine()` a `RuntimeSimulator`; whatever they run goes through the same limits and into the same record.
"""

from typing import TYPE_CHECKING

from qvar.simulators.lazy import lazy_names

if TYPE_CHECKING:
    from qvar.hardware.attempt import JobProgress
    from qvar.hardware.budget import standing_budget
    from qvar.hardware.connection import BackendRow, check_account_file, list_backends, open_backend, open_service
    from qvar.hardware.engine import RuntimeObjective, RuntimeSimulator
    from qvar.hardware.estimation import CostEstimate, estimate
    from qvar.hardware.job import HardwareJob
    from qvar.hardware.journal import Journal
    from qvar.hardware.ledger import Entry, Ledger, Spent
    from qvar.hardware.limits import Limits
    from qvar.hardware.options import ExecutionOptions
    from qvar.hardware.patience import Patience
    from qvar.hardware.primitives import HardwareEstimator, HardwareSampler
    from qvar.hardware.redaction import redact
    from qvar.hardware.run import DryRun, HardwareRun, accept

_HOME = {
    "BackendRow": "connection",
    "CostEstimate": "estimation",
    "DryRun": "run",
    "Entry": "ledger",
    "ExecutionOptions": "options",
    "HardwareEstimator": "primitives",
    "HardwareJob": "job",
    "HardwareRun": "run",
    "HardwareSampler": "primitives",
    "JobProgress": "attempt",
    "Journal": "journal",
    "Ledger": "ledger",
    "Limits": "limits",
    "Patience": "patience",
    "RuntimeObjective": "engine",
    "RuntimeSimulator": "engine",
    "Spent": "ledger",
    "accept": "run",
    "check_account_file": "connection",
    "estimate": "estimation",
    "list_backends": "connection",
    "open_backend": "connection",
    "open_service": "connection",
    "redact": "redaction",
    "standing_budget": "budget",
}

__all__ = [
    "BackendRow",
    "CostEstimate",
    "DryRun",
    "Entry",
    "ExecutionOptions",
    "HardwareEstimator",
    "HardwareJob",
    "HardwareRun",
    "HardwareSampler",
    "JobProgress",
    "Journal",
    "Ledger",
    "Limits",
    "Patience",
    "RuntimeObjective",
    "RuntimeSimulator",
    "Spent",
    "accept",
    "check_account_file",
    "estimate",
    "list_backends",
    "open_backend",
    "open_service",
    "redact",
    "standing_budget",
]

__getattr__, __dir__ = lazy_names(__name__, _HOME, __all__)
