"""A fitted transformer as a NumPy archive: settings as JSON, weights as arrays, neither pickle nor code."""

import json
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qvar.latent.vae.likelihoods import Bernoulli, Gaussian, Multinomial, SquaredError
from qvar.latent.vae.schedules import KlSchedule
from qvar.runs.sealed import read_arrays, write_arrays
from qvar.simulators.errors import LatentError
from qvar.simulators.untrusted import UNREADABLE, parse_json

__all__ = ["read", "write"]

_KINDS: dict[str, Any] = {kind.__name__: kind for kind in (Bernoulli, Gaussian, KlSchedule, Multinomial, SquaredError)}


def write(path: str | Path, name: str, facts: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
    """Write facts and arrays under the name of a class.

    Raises:
        LatentError: if a setting is of a kind that no file can hold.
    """
    text = json.dumps({"class": name, **facts}, default=_described)
    write_arrays(Path(path), {"facts": np.array(text), **arrays})


def read(path: str | Path, name: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return facts and arrays that `write` wrote under this name.

    Raises:
        LatentError: if the file is missing, damaged or of another class.
    """
    try:
        arrays = read_arrays(Path(path))
        facts = dict(parse_json(str(arrays.pop("facts")), object_hook=_object))
        parameters = dict(facts["parameters"])
    except UNREADABLE as error:
        raise LatentError(f"{path} holds no fitted transformer: {error}") from error
    # JSON has no tuples
    facts["parameters"] = {key: tuple(v) if isinstance(v, list) else v for key, v in parameters.items()}
    if facts.get("class") != name:
        raise LatentError(f"{path} holds a {facts.get('class')}, not a {name}")
    return facts, arrays


def _described(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    if is_dataclass(value) and type(value).__name__ in _KINDS:
        return {"@": type(value).__name__, **asdict(value)}  # type: ignore[arg-type]
    raise LatentError(f"a file cannot hold the setting {value!r}; use numbers, names or the classes of this package")


def _object(entry: dict[str, Any]) -> Any:
    kind = entry.pop("@", None)
    return entry if kind is None else _KINDS[kind](**entry)
