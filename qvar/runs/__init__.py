"""Run records: folders that survive being killed, and the files people look at."""

from qvar.runs.artifacts import plot_learning_curve, plot_pareto, write_circuit, write_learning_curve, write_pareto
from qvar.runs.folder import RunFolder, config_hash
from qvar.runs.sinks import (
    SINKS,
    Fanout,
    MetricSink,
    MLflow,
    SinkRun,
    SinkWriter,
    TensorBoard,
    WeightsAndBiases,
    check_sinks,
    find_sinks,
    replay,
)
from qvar.runs.status import RunStatus
from qvar.runs.sweep_folder import SweepFolder, SweepRun

__all__ = [
    "SINKS",
    "Fanout",
    "MLflow",
    "MetricSink",
    "RunFolder",
    "RunStatus",
    "SinkRun",
    "SinkWriter",
    "SweepFolder",
    "SweepRun",
    "TensorBoard",
    "WeightsAndBiases",
    "check_sinks",
    "config_hash",
    "find_sinks",
    "plot_learning_curve",
    "plot_pareto",
    "replay",
    "write_circuit",
    "write_learning_curve",
    "write_pareto",
]
