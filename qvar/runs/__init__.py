"""Run records: folders that survive being killed, and the files people look at."""

from qvar.runs.artifacts import plot_learning_curve, plot_pareto, write_circuit, write_learning_curve, write_pareto
from qvar.runs.folder import RunFolder, config_hash
from qvar.runs.status import RunStatus
from qvar.runs.sweep_folder import SweepFolder, SweepRun

__all__ = [
    "RunFolder",
    "RunStatus",
    "SweepFolder",
    "SweepRun",
    "config_hash",
    "plot_learning_curve",
    "plot_pareto",
    "write_circuit",
    "write_learning_curve",
    "write_pareto",
]
