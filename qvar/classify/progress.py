"""Progress of a training for people at a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from qvar.classify.training_record import TrainingStep

__all__ = ["shown"]


@contextmanager
def shown(
    callback: Callable[[TrainingStep], object] | None, *, verbose: int, total: int | None
) -> Iterator[Callable[[TrainingStep], object] | None]:
    """Give the function that learns of each step: the user's callback, with a progress bar around it if `verbose`.

    Args:
        callback: the user's; training stops when it returns something true.
        verbose: 0 for silence.
        total: steps to expect; None if unknown.
    """
    if not verbose:
        yield callback
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("training"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("loss {task.fields[loss]:.4f}  accuracy {task.fields[accuracy]:.3f}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns) as bar:
        task = bar.add_task("training", total=total, loss=float("nan"), accuracy=float("nan"))

        def on_step(step: TrainingStep) -> object:
            bar.update(task, completed=step.step, loss=step.loss, accuracy=step.accuracy)
            return None if callback is None else callback(step)

        yield on_step
