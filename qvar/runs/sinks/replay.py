"""Give a record that is there already to sinks."""

from collections.abc import Sequence
from pathlib import Path

from qvar.runs.folder import RunFolder
from qvar.runs.sinks.fanout import Fanout
from qvar.runs.sinks.names import check_sinks
from qvar.runs.sinks.sink import MetricSink, SinkRun
from qvar.simulators.errors import RunError

__all__ = ["replay"]


def replay(folder: str | Path, sinks: Sequence[MetricSink], *, home: Path | None = None) -> int:
    """Give the record of a run, finished or not, to sinks; steps that they have are left out.

    Args:
        folder: the run folder.
        sinks: where to.
        home: the folder that the run shares with others, None for the one above.

    Returns:
        The number of records of the run.

    Raises:
        RunError: if the folder holds no run, or a damaged one, a package is not installed, or a sink failed.
    """
    check_sinks(sinks)
    run = RunFolder.open(Path(folder))
    records = run.metrics()
    result = run.result() if run.is_finished else None
    with Fanout(sinks, SinkRun.at(run.path, run.id, run.config, home=home)) as fanout:
        for record in records:
            fanout.write(int(record["episode"]), record)
        fanout.finish(result)
    if fanout.failures:
        words = ", ".join(f"{name} ({kind})" for name, kind in fanout.failures.items())
        raise RunError(f"the record of {run.path} could not be given to {words}; nothing is lost, try again")
    return len(records)
