"""Noise models as JSON files, written by qvar or by hand.

```json
{"format": "qvar-noise-model", "version": 1, "name": "my device", "n_qubits": 2, "coupling_map": [[0, 1], [1, 0]],
 "strict": true,
 "channels": [
   {"gate": "rx", "steps": [{"type": "depolarizing", "p": 1e-3}]},
   {"gate": "cx", "qubits": [0, 1], "steps": [
     {"type": "depolarizing", "p": 5e-3},
     {"type": "thermal_relaxation", "tau1": 4e-3, "tau2": 5e-3, "excited_population": 0.0, "on": 1}]}],
 "readout": [{"qubit": 0, "p01": 0.01, "p10": 0.02}, {"p01": 0.01, "p10": 0.01}]}
```

`gate` is a name or a list of names. Steps act in order. An entry without `qubits` (or `qubit`) holds for all qubits
which have none of their own. Step types: `depolarizing` (p), `thermal_relaxation` (tau1, tau2, excited_population),
`amplitude_damping` (gamma), `phase_damping` (gamma), `pauli` (px, py, pz), `ptm` (matrix). On a two-qubit gate,
`depolarizing` without `on` is the two-qubit channel; any other one-qubit step without `on` acts on both qubits; `on`
(0 or 1) picks one.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from qvar.simulators import channels as ch
from qvar.simulators.channels import Channel
from qvar.simulators.errors import NoiseModelError, QvarError
from qvar.simulators.files import write_atomically
from qvar.simulators.gates import check_gate
from qvar.simulators.noise import NoiseModel, Readout, ReadoutError, StateFlip
from qvar.simulators.untrusted import UNREADABLE, parse_json

__all__ = ["noise_from_dict", "noise_to_dict", "read_noise", "write_noise"]

_FORMAT = "qvar-noise-model"
_VERSION = 1
_KEYS = {"format", "version", "name", "source", "n_qubits", "strict", "coupling_map", "channels", "readout"}
_STEPS: dict[str, Callable[..., Channel]] = {
    "depolarizing": ch.depolarizing,
    "thermal_relaxation": ch.thermal_relaxation,
    "amplitude_damping": ch.amplitude_damping,
    "phase_damping": ch.phase_damping,
    "pauli": ch.pauli_channel,
}


def noise_to_dict(model: NoiseModel) -> dict[str, Any]:
    """Return a noise model as JSON-able data; every channel is written once, as its PTM, with the gates it serves."""
    shared: dict[tuple[tuple[int, ...] | None, bytes], list[str]] = {}
    matrices = {channel.ptm.tobytes(): channel.ptm for channel in (*model.default.values(), *model.local.values())}
    for gate, channel in sorted(model.default.items()):
        shared.setdefault((None, channel.ptm.tobytes()), []).append(gate)
    for (gate, qubits), channel in sorted(model.local.items(), key=lambda item: item[0]):
        shared.setdefault((qubits, channel.ptm.tobytes()), []).append(gate)
    channels = []
    for (on, key), gates in shared.items():
        entry = {"gate": gates, "steps": [{"type": "ptm", "matrix": matrices[key].tolist()}]}
        channels.append(entry if on is None else entry | {"qubits": list(on)})
    readout = [{"qubit": q} | _readout_entry(error) for q, error in sorted(model.readout.items())]
    if model.default_readout is not None:
        readout.append(_readout_entry(model.default_readout))
    return {
        "format": _FORMAT,
        "version": _VERSION,
        "name": model.name,
        "source": model.source,
        "n_qubits": model.n_qubits,
        "strict": model.strict,
        "coupling_map": None if model.coupling_map is None else [list(pair) for pair in model.coupling_map],
        "channels": channels,
        "readout": readout,
    }


def _readout_entry(error: Readout) -> dict[str, float]:
    return {"state_flip": error.p} if isinstance(error, StateFlip) else {"p01": error.p01, "p10": error.p10}


def noise_from_dict(data: Any) -> NoiseModel:
    """Build a noise model from JSON data.

    Raises:
        NoiseModelError: if the data is not of the format described above, naming the entry at fault.
    """
    if not isinstance(data, Mapping) or data.get("format") != _FORMAT:
        raise NoiseModelError(f'not a noise model: a JSON object with "format": "{_FORMAT}" is needed')
    if data.get("version") != _VERSION:
        raise NoiseModelError(
            f"noise model version {data.get('version')!r} is not supported; this is version {_VERSION}"
        )
    name = str(data.get("name", "?"))[:60]
    try:
        return _build(data)
    except NoiseModelError:
        raise
    except QvarError as error:
        raise NoiseModelError(f"noise model {name!r}: {error}") from error
    except UNREADABLE as error:
        raise NoiseModelError(f"noise model {name!r} is malformed: {error!r}") from error


def _build(data: Mapping[str, Any]) -> NoiseModel:
    local: dict[tuple[str, tuple[int, ...]], Channel] = {}
    default: dict[str, Channel] = {}
    _check_keys("the model", data, _KEYS)
    readout: dict[int | None, Readout] = {}
    for entry in data.get("readout", []):
        _check_keys(f"the read-out entry {entry}", entry, {"qubit", "p01", "p10", "state_flip"})
        _add(readout, None if entry.get("qubit") is None else int(entry["qubit"]), _read_readout(entry))
    for entry in data.get("channels", []):
        _check_keys(f"the channel entry {str(entry)[:60]}", entry, {"gate", "qubits", "steps"})
        gates = [entry["gate"]] if isinstance(entry["gate"], str) else entry["gate"]
        built: dict[int, Channel] = {}
        for gate in gates:
            size = check_gate(gate).n_qubits
            channel = built.setdefault(size, _read_channel(entry, size))
            if entry.get("qubits") is None:
                _add(default, gate, channel)
            else:
                _add(local, (gate, tuple(int(q) for q in entry["qubits"])), channel)
    coupling = data.get("coupling_map")
    return NoiseModel(
        name=str(data.get("name", "unnamed")),
        local=local,
        default=default,
        readout={q: error for q, error in readout.items() if q is not None},
        default_readout=readout.get(None),
        coupling_map=None if coupling is None else tuple((int(a), int(b)) for a, b in coupling),
        n_qubits=_typed(data, "n_qubits", int, None),
        strict=_typed(data, "strict", bool, True),
        source=str(data.get("source", "")),
    )


def _add(entries: dict[Any, Any], key: Any, value: Any) -> None:
    """Put an entry into a table, refusing a second one for the same key."""
    if key in entries:
        raise NoiseModelError(f"two entries for {'all qubits' if key is None else key}; keep one of them")
    entries[key] = value


def _typed(data: Mapping[str, Any], key: str, kind: type, default: Any) -> Any:
    value = data.get(key, default)
    if value is not default and type(value) is not kind:
        raise NoiseModelError(f"{key} must be a JSON {'boolean' if kind is bool else 'integer'}, got {value!r}")
    return value


def _check_keys(what: str, entry: Any, known: set[str]) -> None:
    """Refuse misspelt keys: ignoring them would silently give another noise model."""
    if not isinstance(entry, Mapping):
        raise NoiseModelError(f"{what} must be a JSON object with the keys {', '.join(sorted(known))}")
    unknown = sorted(set(entry) - known)
    if unknown:
        raise NoiseModelError(f"{what} has unknown key(s) {', '.join(unknown)}; known are {', '.join(sorted(known))}")


def _read_channel(entry: Mapping[str, Any], n_qubits: int) -> Channel:
    channel: Channel | None = None
    for step in entry["steps"]:
        built = _read_step(step, n_qubits)
        channel = built if channel is None else channel.then(built)
    return ch.identity_channel(n_qubits) if channel is None else channel


def _read_step(step: Mapping[str, Any], n_qubits: int) -> Channel:
    kind, on = step["type"], step.get("on")
    settings = {key: value for key, value in step.items() if key not in ("type", "on")}
    if kind == "ptm":
        built = Channel(np.array(settings["matrix"], dtype=np.float64))
    elif kind == "depolarizing" and on is None:
        return ch.depolarizing(n_qubits=n_qubits, **settings)
    elif kind in _STEPS:
        built = _STEPS[kind](**settings)
    else:
        raise NoiseModelError(f"unknown step type {kind!r}; known are ptm, {', '.join(_STEPS)}")
    if built.n_qubits == n_qubits and on is None:
        return built
    if built.n_qubits == 2 or n_qubits == 1 or on not in (None, 0, 1):
        raise NoiseModelError(f"step {kind!r} does not fit a gate on {n_qubits} qubit(s) (on={on!r})")
    idle = ch.identity_channel()
    return (built if on in (None, 0) else idle).tensor(built if on in (None, 1) else idle)


def _read_readout(entry: Mapping[str, Any]) -> Readout:
    if "state_flip" in entry:
        return StateFlip(float(entry["state_flip"]))
    return ReadoutError(float(entry["p01"]), float(entry["p10"]))


def read_noise(path: Path) -> NoiseModel:
    """Read a noise model from a JSON file.

    Raises:
        NoiseModelError: if the file cannot be read or is not a noise model.
    """
    try:
        data = parse_json(path.read_bytes())
    except (OSError, ValueError) as error:
        raise NoiseModelError(f"cannot read the noise model {path}: {error}") from error
    return noise_from_dict(data)


def write_noise(model: NoiseModel, path: Path) -> None:
    """Write a noise model to a JSON file, atomically."""
    write_atomically(path, json.dumps(noise_to_dict(model)).encode())
