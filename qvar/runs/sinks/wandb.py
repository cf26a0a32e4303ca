"""Weights & Biases: on this machine, until the user says otherwise by logging in or by WANDB_MODE."""

import netrc
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from qvar.runs.sinks.packages import check_package
from qvar.runs.sinks.sink import SinkRun, settings_of
from qvar.runs.sinks.wandb_files import last_step_on_disk

__all__ = ["WeightsAndBiases"]

_PATIENCE_SECONDS = 30.0
"""How long a run waits at most for W&B to write its last numbers."""


@dataclass(frozen=True)
class WeightsAndBiases:
    """Logs to Weights & Biases: numbers and short settings, no code, console, machine or system data.

    A resumed run keeps its id. Runs logged offline are sent with `wandb sync --append RUN/wandb/offline-run-*`.

    Attributes:
        project: name of the project.
        mode: "offline" or "online"; None for what WANDB_MODE says, and without it for online if the user has logged
            in (WANDB_API_KEY, or `wandb login`), else offline. No key is read or kept here.
    """

    project: str = "qvar"
    mode: Literal["offline", "online"] | None = None
    name: str = "wandb"

    def check(self) -> None:
        """Raise RunError if the package wandb is not installed."""
        check_package("wandb", extra="wandb")

    def start(self, run: SinkRun) -> "_Logged":
        """Begin a W&B run, or go on with it."""
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # errors stay on this machine
        import wandb

        mode = self.mode or os.environ.get("WANDB_MODE") or ("online" if _has_logged_in() else "offline")
        quiet = wandb.Settings(
            silent=True,
            console="off",
            disable_code=True,
            disable_git=True,
            disable_job_creation=True,
            x_disable_meta=True,
            x_disable_stats=True,
            x_save_requirements=False,
        )
        files = run.folder / "wandb"
        there = last_step_on_disk(files)  # of earlier stretches
        started = wandb.init(
            project=self.project,
            dir=str(run.folder),
            id=run.id,
            name=run.name,
            config=settings_of(run.config),
            mode=mode,  # type: ignore[arg-type,unused-ignore]
            resume="allow" if mode == "online" else None,
            reinit="create_new",
            settings=quiet,
        )
        if mode == "online":
            return _Logged(started, started.starting_step - 1)
        return _Logged(started, there, files)


class _Logged:
    """Numbers go to W&B at once, which writes or sends them when it likes (mutable)."""

    def __init__(self, started: Any, last_step: int, files: Path | None = None) -> None:
        self._started = started
        self._files = files
        self.last_step = last_step

    def write(self, step: int, metrics: Mapping[str, float]) -> None:
        self._started.log(dict(metrics), step=step)
        self.last_step = step

    def finish(self, result: Mapping[str, float] | None) -> None:
        if result is not None:
            self._started.summary.update({f"result/{name}": value for name, value in result.items()})
        self._started.finish(exit_code=0 if result is not None else 1)
        if self._files is not None:
            self._wait_for(self._files)

    def _wait_for(self, files: Path) -> None:
        """Wait until the last numbers are on the disk: W&B's process may go on writing after `finish`."""
        until = time.monotonic() + _PATIENCE_SECONDS
        while last_step_on_disk(files) < self.last_step and time.monotonic() < until:
            time.sleep(0.02)


def _has_logged_in() -> bool:
    """Tell whether there is a key of W&B, without looking at it."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        return "api.wandb.ai" in netrc.netrc().hosts
    except (OSError, netrc.NetrcParseError):
        return False
