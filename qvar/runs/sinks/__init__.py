"""Where the numbers of a run may go besides its own record: TensorBoard, MLflow, Weights & Biases.

The record in the run folder stays the truth. A sink never changes it, and one that fails is left out with a warning.
"""

from qvar.runs.sinks.fanout import Fanout
from qvar.runs.sinks.mlflow import MLflow
from qvar.runs.sinks.names import SINKS, check_sinks, find_sinks
from qvar.runs.sinks.replay import replay
from qvar.runs.sinks.sink import MetricSink, SinkRun, SinkWriter
from qvar.runs.sinks.tensorboard import TensorBoard
from qvar.runs.sinks.wandb import WeightsAndBiases

__all__ = [
    "SINKS",
    "Fanout",
    "MLflow",
    "MetricSink",
    "SinkRun",
    "SinkWriter",
    "TensorBoard",
    "WeightsAndBiases",
    "check_sinks",
    "find_sinks",
    "replay",
]
