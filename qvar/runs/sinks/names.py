"""Sinks by the words for them on the command line."""

from collections.abc import Callable, Mapping, Sequence

from qvar.runs.sinks.mlflow import MLflow
from qvar.runs.sinks.sink import MetricSink
from qvar.runs.sinks.tensorboard import TensorBoard
from qvar.runs.sinks.wandb import WeightsAndBiases
from qvar.simulators.errors import RunError

__all__ = ["SINKS", "check_sinks", "find_sinks"]

SINKS: Mapping[str, Callable[[], MetricSink]] = {
    "tensorboard": TensorBoard,
    "mlflow": MLflow,
    "wandb": WeightsAndBiases,
}
"""Every sink by its name."""


def find_sinks(text: str | None) -> tuple[MetricSink, ...]:
    """Return the sinks that a text such as "tensorboard,mlflow" names; none for None.

    Raises:
        RunError: for an unknown name, one given twice, or a package that is not installed.
    """
    names = [] if text is None else [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in SINKS]
    if unknown or len(set(names)) < len(names):
        raise RunError(f"metrics go to any of {', '.join(SINKS)}, separated by commas, each once; got {text!r}")
    sinks = tuple(SINKS[name]() for name in names)
    check_sinks(sinks)
    return sinks


def check_sinks(sinks: Sequence[MetricSink]) -> None:
    """Raise RunError if sinks cannot be told apart, or the package of one is not installed."""
    names = [sink.name for sink in sinks]
    if len(set(names)) < len(names):
        raise RunError(f"a run takes every sink once, got {', '.join(names)}")
    for sink in sinks:
        sink.check()
