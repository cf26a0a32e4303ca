"""MLflow: one MLflow run per run, by default in a database beside the runs.

`mlflow ui --backend-store-uri sqlite:///RUNS/mlflow.db` shows it.
"""

import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from qvar.runs.sinks.packages import check_package
from qvar.runs.sinks.sink import SinkRun, settings_of
from qvar.simulators.locks import alone

__all__ = ["MLflow"]

_TAG = "qvar.run"
_FLUSH_SECONDS = 2.0
_MAX_BATCH = 1000
"""Numbers that MLflow takes at a time."""


@dataclass(frozen=True)
class MLflow:
    """Logs to an MLflow tracking server or database.

    A resumed run goes on in its MLflow run, which is found by the hash of its configuration.

    Attributes:
        uri: the tracking URI; None for the environment variable MLFLOW_TRACKING_URI or, without one, the SQLite file
            mlflow.db beside the run folders.
        experiment: name of the experiment.
    """

    uri: str | None = field(default=None, repr=False)  # it may hold a password
    experiment: str = "qvar"
    name: str = "mlflow"

    def check(self) -> None:
        """Raise RunError if the package mlflow is not installed."""
        check_package("mlflow", extra="mlflow")

    def start(self, run: SinkRun) -> "_Logged":
        """Begin an MLflow run, or go on with it."""
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # before MLflow is imported
        from mlflow import MlflowClient

        logging.getLogger("mlflow").setLevel(logging.WARNING)  # it tells of every table it makes
        uri = self.uri or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{run.home / 'mlflow.db'}"
        with alone(run.home / ".mlflow.lock"):  # two processes must not make the tables of one database at once
            client = MlflowClient(tracking_uri=uri)
            found = client.get_experiment_by_name(self.experiment)
            experiment = found.experiment_id if found else client.create_experiment(self.experiment)
            run_id = _find(client, experiment, run) or _create(client, experiment, run)
        return _Logged(client, run_id)


class _Logged:
    """Numbers go out every two seconds at most, for each way to the database takes milliseconds (mutable)."""

    def __init__(self, client: Any, run_id: str) -> None:
        self._client, self._run_id = client, run_id
        self._waiting: list[Any] = []
        self._sent = time.monotonic()
        self.last_step = self._last_step()

    def _last_step(self) -> int:
        steps = [
            metric.step
            for name in ("best_error", "loss")
            for metric in self._client.get_metric_history(self._run_id, name)
        ]
        return max(steps, default=0)

    def write(self, step: int, metrics: Mapping[str, float]) -> None:
        from mlflow.entities import Metric

        now = time.time_ns() // 1_000_000
        self._waiting += [Metric(name, value, now, step) for name, value in metrics.items()]
        self.last_step = step
        if time.monotonic() - self._sent >= _FLUSH_SECONDS or len(self._waiting) >= _MAX_BATCH:
            self._send()

    def _send(self) -> None:
        while self._waiting:
            self._client.log_batch(self._run_id, metrics=self._waiting[:_MAX_BATCH])
            del self._waiting[:_MAX_BATCH]
        self._sent = time.monotonic()

    def finish(self, result: Mapping[str, float] | None) -> None:
        if result is not None:
            there = self._client.get_run(self._run_id).data.metrics
            results = {f"result/{name}": value for name, value in result.items()}
            self.write(self.last_step, {name: value for name, value in results.items() if name not in there})
        self._send()
        self._client.set_terminated(self._run_id, status="KILLED" if result is None else "FINISHED")


def _find(client: Any, experiment: str, run: SinkRun) -> str | None:
    known = client.search_runs([experiment], filter_string=f"tags.`{_TAG}` = '{run.id}'", max_results=1)
    if not known:
        return None
    run_id = str(known[0].info.run_id)
    client.update_run(run_id, status="RUNNING")
    return run_id


def _create(client: Any, experiment: str, run: SinkRun) -> str:
    from mlflow.entities import Param

    run_id = str(client.create_run(experiment, run_name=run.name, tags={_TAG: run.id}).info.run_id)
    client.log_batch(run_id, params=[Param(key, value) for key, value in settings_of(run.config).items()])
    return run_id
