"""Weights & Biases: on this machine, until the user says otherwise by logging in or by WANDB_MODE."""

import json
import netrc
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from qvar.runs.sinks.packages import check_package
from qvar.runs.sinks.sink import SinkRun, settings_of

__all__ = ["WeightsAndBiases"]


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
        return _Logged(started, run.folder / "wandb" / "qvar-step.json")


class _Logged:
    """Keeps the last step in a file of its own, as W&B cannot tell it offline (mutable)."""

    def __init__(self, started: Any, marker: Path) -> None:
        self._started, self._marker = started, marker
        self.last_step = _read_step(marker)

    def write(self, step: int, metrics: Mapping[str, float]) -> None:
        self._started.log(dict(metrics), step=step)
        self.last_step = step
        self._marker.parent.mkdir(exist_ok=True)
        self._marker.write_text(json.dumps({"step": step}), encoding="utf-8")

    def finish(self, result: Mapping[str, float] | None) -> None:
        if result is not None:
            self._started.summary.update({f"result/{name}": value for name, value in result.items()})
        self._started.finish(exit_code=0 if result is not None else 1)


def _read_step(marker: Path) -> int:
    try:
        return int(json.loads(marker.read_text(encoding="utf-8"))["step"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _has_logged_in() -> bool:
    """Tell whether there is a key of W&B, without looking at it."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    try:
        return "api.wandb.ai" in netrc.netrc().hosts
    except (OSError, netrc.NetrcParseError):
        return False
