"""Everything about one latent space in one folder: its circuits, its model, and the searches in it.

| file | content |
|---|---|
| config.json | space, pool, model and training, and their hash; never changed |
| pool.npz | the circuits |
| checkpoint.npz | the training after its last whole epoch, until the model is there |
| checkpoint.previous.npz | the same one epoch before, for the case that it is damaged |
| metrics.jsonl | one JSON object per epoch |
| model.npz | the trained model |
| accuracy.json | how well it gives back circuits held out of training, and draws new ones |
| features.npz | the feature of every circuit of the pool |
| costs.json | seconds that each of these steps took |
| smoothness.json, smoothness-TASK.json | how smooth the features are, for the rewards of a task if there are any |
| searches/TASK/ | rewards of the pool for one task, and what searches for it found |
| report.html | all of this on one page |
| .lock | held by the process at work on the folder |

Every file is written whole, and a step whose file is there is not done again, so that a killed process can be gone on
with. The folder holds arrays and JSON only, with checksums (`qvar.runs.sealed`), and is read without pickle.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from qvar.latent.pool import CircuitPool
from qvar.latent.space import CircuitSpace
from qvar.runs.claim import claim
from qvar.runs.folder import RunFolder, config_hash, describe_differences, make_folder
from qvar.runs.sealed import read_arrays, read_json, write_arrays, write_json
from qvar.simulators.errors import LatentError, RunError
from qvar.simulators.untrusted import UNREADABLE

if TYPE_CHECKING:
    from qvar.latent.graph_vae.model import GraphVae

__all__ = ["LatentFolder"]

_FORMAT = "qvar-latent"
_VERSION = 1


class LatentFolder:
    """A latent space on disk. Make it with `create` or `open`."""

    def __init__(self, path: Path, config: dict[str, Any]) -> None:
        self.path = path
        self.config = config
        self._records = RunFolder(path, config, config_hash(config))

    @classmethod
    def create(cls, path: Path, config: Mapping[str, Any]) -> "LatentFolder":
        """Start a latent space in `path`.

        Args:
            path: the folder, new or empty.
            config: what determines the model: "space", "pool", "model" and "training", JSON data.

        Raises:
            RunError: if the folder already holds files; nothing is overwritten.
        """
        make_folder(path, "folder", hint="; go on with it with --resume" if cls.is_at(path) else "")
        folder = cls(path, dict(config))
        content = {"format": _FORMAT, "version": _VERSION, "id": folder.id, "config": folder.config}
        folder.write_json("config.json", content)
        return folder

    @classmethod
    def open(cls, path: Path) -> "LatentFolder":
        """Open an existing latent space.

        Raises:
            RunError: if there is none, or its config.json was damaged.
        """
        file = path / "config.json"
        if not file.is_file():
            raise RunError(f"{path} holds no latent space: {file.name} is missing; make one with qvar latent pretrain")
        try:
            content = read_json(file)
            if (content["format"], content["version"]) != (_FORMAT, _VERSION):
                raise RunError(f"{file} is no latent space of this version of qvar ({_FORMAT!r}, {_VERSION})")
            folder = cls(path, dict(content["config"]))
            is_whole = folder.id == content["id"]
        except RunError:
            raise
        except UNREADABLE as error:
            raise RunError(f"{file} is corrupted: {error!r}; restore it from a backup") from error
        if not is_whole:
            raise RunError(f"{file} was changed: its content does not match its identity {content['id']}")
        return folder

    @staticmethod
    def is_at(path: Path) -> bool:
        """Tell whether a folder holds a latent space, in whatever state."""
        try:
            return f'"format": "{_FORMAT}"' in (path / "config.json").read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return False

    def check_same(self, config: Mapping[str, Any]) -> None:
        """Raise RunError, naming the differences, unless this latent space is of `config`."""
        if config_hash(config) != self.id:
            details = describe_differences(self.config, config)
            raise RunError(f"{self.path} holds another latent space ({details}); nothing was overwritten")

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Work on the folder alone, and without what a killed process left; the claim goes with the process.

        Raises:
            RunError: if another process is at work on it.
        """
        with claim(self.path, "latent space"):
            yield

    @property
    def id(self) -> str:
        """Hash of the configuration."""
        return self._records.id

    @property
    def space(self) -> CircuitSpace:
        """The circuits' space."""
        return CircuitSpace.from_dict(self.config["space"])

    @property
    def is_pretrained(self) -> bool:
        """Whether circuits, model and features are there."""
        return all((self.path / name).is_file() for name in ("pool.npz", "model.npz", "features.npz"))

    def check_pretrained(self) -> None:
        """Raise RunError unless circuits, model and features are there."""
        if not self.is_pretrained:
            raise RunError(
                f"the latent space in {self.path} is not trained; go on with: qvar latent pretrain --resume --out "
                f"{self.path}"
            )

    def pool(self) -> CircuitPool:
        """Return the circuits.

        Raises:
            LatentError: if they are not there, or damaged.
        """
        return CircuitPool.load(self.path / "pool.npz")

    def model(self) -> "GraphVae":
        """Return the trained model.

        Raises:
            LatentError: if it is not there, or damaged.
        """
        from qvar.latent.graph_vae.model import GraphVae

        return GraphVae.load(self.path / "model.npz")

    def features(self) -> NDArray[np.float32]:
        """Return the features of the pool, shape (P, d).

        Raises:
            LatentError: if they are not there, or damaged.
        """
        file = self.path / "features.npz"
        try:
            arrays = read_arrays(file)
            features, owner = arrays["features"], str(arrays["latent"])
        except UNREADABLE as error:
            raise LatentError(f"{file} holds no features: {error}; remove it and resume the training") from error
        if owner != self.id:
            raise LatentError(f"{file} belongs to another latent space ({owner}, not {self.id})")
        return np.asarray(features, dtype=np.float32)

    def write_features(self, features: NDArray[np.float32]) -> None:
        """Keep the features of the pool, shape (P, d)."""
        write_arrays(self.path / "features.npz", {"features": features, "latent": np.array(self.id)})

    def append_metrics(self, record: Mapping[str, Any]) -> None:
        """Add the record of one epoch."""
        self._records.append_metrics(record)

    def metrics(self) -> list[dict[str, Any]]:
        """Return the record of every epoch.

        Raises:
            RunError: if a line other than an unfinished last one is damaged, or there are too few for a trained model.
        """
        records = self._records.metrics()
        n_epochs = int(self.config.get("training", {}).get("epochs", 0))
        if (self.path / "model.npz").is_file() and len(records) < n_epochs:
            file = self.path / "metrics.jsonl"
            raise RunError(f"{file} is corrupted: it holds {len(records)} epochs, the training had {n_epochs}")
        return records

    def write_metrics(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Replace the records of all epochs."""
        self._records.write_metrics(records)

    def keep_whole_metrics(self) -> list[dict[str, Any]]:
        """Drop what a kill cut off, and from a damaged line on; return the records kept."""
        return self._records.keep_metrics()

    def read_json(self, name: str) -> dict[str, Any] | None:
        """Return the content of a file of the folder, None if it is not there.

        Raises:
            RunError: if it is damaged.
        """
        file = self.path / name
        try:
            return read_json(file)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise RunError(f"{file} is corrupted: {error}; remove it, and repeat what made it") from error

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        """Write a file of the folder."""
        write_json(self.path / name, content)

    def search_path(self, task: str) -> Path:
        """Return the folder of the searches for a task."""
        return self.path / "searches" / task

    def has_rewards(self, task: str) -> bool:
        """Tell whether the rewards of the whole pool are there for a task."""
        return "identity" in (self.read_json(f"searches/{task}/task.json") or {})

    def searched_tasks(self) -> tuple[str, ...]:
        """Return the tasks that were searched for, in alphabetical order."""
        folder = self.path / "searches"
        return tuple(sorted(path.name for path in folder.iterdir() if path.is_dir())) if folder.is_dir() else ()
