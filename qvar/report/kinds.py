"""What a folder is a record of."""

from pathlib import Path
from typing import Literal

from qvar.simulators.errors import RunError
from qvar.simulators.untrusted import UNREADABLE, parse_json

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
            kind = _KINDS.get(parse_json(file.read_bytes())["format"])
        except UNREADABLE as error:
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
