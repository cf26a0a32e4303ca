"""What a folder is a record of."""

import json
from pathlib import Path
from typing import Literal

from qvar.simulators.errors import RunError

__all__ = ["Kind", "record_kind"]

Kind = Literal["run", "sweep", "comparison", "latent"]

_KINDS: dict[str, Kind] = {
    "qvar-run": "run",
    "qvar-sweep": "sweep",
    "qvar-comparison": "comparison",
    "qvar-latent": "latent",
}


def record_kind(path: Path) -> Kind:
    """Return whether a folder holds a run, a sweep, a comparison of classifiers, or a latent space.

    Raises:
        RunError: if it holds none of them, or does not exist.
    """
    for name in ("sweep.json", "config.json"):
        file = path / name
        if not file.is_file():
            continue
        try:
            kind = _KINDS.get(json.loads(file.read_text(encoding="utf-8"))["format"])
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise RunError(f"{file} is corrupted: {error!r}; restore it from a backup") from error
        if kind is not None:
            return kind
        raise RunError(f"{file} is no record of this version of qvar; known are {', '.join(_KINDS)}")
    if not path.exists():
        raise RunError(f"{path} does not exist; give the folder of a record")
    raise RunError(
        f"{path} holds neither a run nor a sweep, nor a comparison, nor a latent space: config.json and sweep.json are "
        "missing"
    )
