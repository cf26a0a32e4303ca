"""A study on disk: what was asked, and one small file for every search that has finished.

| file | content |
|---|---|
| study.json | the study, fingerprints of features and rewards, and the hash of it all; never changed |
| METHOD/seedN.npz | one search: circuits (numbers in the pool, or structures) as evaluated, rewards, remarks, seconds |

Every file appears whole or not at all, so a study that was killed goes on where it stopped.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from qvar.latent.search.generative.running import GenerativeRun
from qvar.latent.search.running import PoolRun
from qvar.runs.folder import config_hash, describe_differences, make_folder
from qvar.runs.sealed import read_arrays, read_json, tell, write_arrays, write_json
from qvar.simulators.errors import RunError
from qvar.simulators.untrusted import UNREADABLE, parse_json

__all__ = ["Run", "StudyFolder"]

Run = PoolRun | GenerativeRun
"""One search of a study."""

_FILE = "study.json"
_FORMAT = "qvar-latent-study"
_VERSION = 1
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


class StudyFolder:
    """A study on disk. Make it with `prepare` or `open`."""

    def __init__(self, path: Path, plan: Mapping[str, Any]) -> None:
        self.path, self.plan = path, plan

    @classmethod
    def prepare(cls, path: Path, plan: Mapping[str, Any]) -> "StudyFolder":
        """Start the study in `path`, or go on with it there.

        Raises:
            RunError: if the folder holds another study or other files, or a method's name does not fit a folder.
        """
        bad = [name for name in plan["methods"] if not _NAME.fullmatch(name)]
        if bad:
            raise RunError(f"names of methods are made of letters, digits and ._+-, got {', '.join(map(repr, bad))}")
        if (path / _FILE).exists():
            folder = cls.open(path)
            if config_hash(folder.plan) != config_hash(plan):
                details = describe_differences(folder.plan, plan)
                raise RunError(
                    f"{path} holds another study ({details}); nothing was overwritten. Choose another folder, or "
                    "with `qvar latent search` another --name"
                )
            return folder
        make_folder(path, "study folder")
        content = {"format": _FORMAT, "version": _VERSION, "id": config_hash(plan), "plan": plan}
        write_json(path / _FILE, content)
        return cls(path, plan)

    @classmethod
    def open(cls, path: Path) -> "StudyFolder":
        """Open an existing study.

        Raises:
            RunError: if there is none, or its study.json was damaged.
        """
        file = path / _FILE
        if not file.is_file():
            raise RunError(f"{path} holds no study: {_FILE} is missing")
        try:
            content = read_json(file)
            plan = dict(content["plan"])
            is_whole = config_hash(plan) == content["id"]
            is_ours = content["format"] == _FORMAT and content["version"] == _VERSION
            is_whole &= all(_NAME.fullmatch(name) for name in plan["methods"])  # a name is a folder's
        except UNREADABLE as error:
            raise RunError(f"{file} is corrupted: {error!r}; restore it from a backup") from error
        if not is_ours or not is_whole:
            raise RunError(f"{file} was changed, or is of another version of qvar; restore it from a backup")
        return cls(path, plan)

    def read(self, method: str, seed: int) -> Run | None:
        """Return one search, None if it has not finished.

        Raises:
            RunError: if its file was damaged.
        """
        file = self._file(method, seed)
        if not file.is_file():
            return None
        try:
            content = read_arrays(file)
            circuits = content["circuits"]
            rewards, ideal = (content[name].astype(np.float64) for name in ("rewards", "ideal_rewards"))
            remarks, seconds = parse_json(str(content["remarks"])), float(content["seconds"])
            if {rewards.shape, ideal.shape, circuits.shape[:1]} != {(self.plan["budget"],)}:
                raise ValueError(f"{rewards.shape} and {ideal.shape} rewards of {circuits.shape} circuits")
        except UNREADABLE as error:
            raise RunError(f"{file} is corrupted: {error}") from error
        if circuits.ndim == 1:
            return PoolRun(circuits.astype(np.int64), rewards, ideal, remarks, seconds)
        return GenerativeRun(circuits.astype(np.int8), rewards, ideal, remarks, seconds)

    def read_whole(self, method: str, seed: int) -> Run | None:
        """Return one search, None if it has to be done: it has not finished, or was damaged, which the user is told."""
        try:
            return self.read(method, seed)
        except RunError as error:
            tell(f"{error}; doing it again")
            return None

    def write(self, method: str, seed: int, run: Run) -> None:
        """Keep one search."""
        arrays = {
            "circuits": run.indices.astype(np.int32) if isinstance(run, PoolRun) else run.structures,
            "rewards": run.rewards,
            "ideal_rewards": run.ideal_rewards,
            "remarks": np.array(json.dumps(run.remarks)),
            "seconds": np.array(run.seconds),
        }
        file = self._file(method, seed)
        file.parent.mkdir(exist_ok=True)
        write_arrays(file, arrays, compressed=True)

    def _file(self, method: str, seed: int) -> Path:
        return self.path / method / f"seed{seed}.npz"
