"""Results on the disk: plain arrays in an .npz file, never pickled, and read back as Qiskit's containers."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from qvar.runs.sealed import read_arrays, write_arrays
from qvar.simulators.errors import HardwareError
from qvar.simulators.untrusted import parse_json

__all__ = ["load_result", "store_result"]


def store_result(file: Path, result: Any, about: dict[str, Any]) -> str:
    """Write the data of a `PrimitiveResult`: values and errors, or the bits of every shot; return a digest of the file.

    Args:
        file: where to.
        result: what the primitive returned.
        about: JSON-able notes that become the metadata.
    """
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    pubs = []
    for k, pub in enumerate(result):
        bits = {}
        for name, value in pub.data.items():
            if hasattr(value, "num_bits"):
                bits[name] = int(value.num_bits)
                value = value.array
            array = np.asarray(value)
            if array.dtype.kind in "biufcU":  # numbers and names; anything else is not a result of ours
                arrays[f"{k}/{name}"] = array
        pubs.append({"shape": list(pub.data.shape), "bits": bits})
    head = json.dumps({"pubs": pubs, "about": about}, allow_nan=False)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_arrays(file, {"head.json": np.array(head), **arrays}, compressed=True)
    return _digest(file.read_bytes())


def load_result(file: Path, digest: str | None) -> Any:
    """Return what `store_result` wrote as a `PrimitiveResult`.

    Args:
        file: where it was written to.
        digest: what `store_result` returned.

    Raises:
        HardwareError: if the file is missing or another one than was written.
    """
    from qiskit.primitives import BitArray, DataBin, PrimitiveResult, PubResult, SamplerPubResult

    try:
        if _digest(file.read_bytes()) != digest:
            raise ValueError("not the file that was written")
        arrays = read_arrays(file)
        head = parse_json(str(arrays.pop("head.json")))
        results = []
        for k, pub in enumerate(head["pubs"]):
            prefix = f"{k}/"
            data = {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}
            data |= {name: BitArray(data[name], number) for name, number in pub["bits"].items()}
            kind = SamplerPubResult if pub["bits"] else PubResult
            results.append(kind(DataBin(**data, shape=tuple(pub["shape"])), metadata=dict(head["about"])))
        return PrimitiveResult(results, metadata=head["about"])
    except Exception as error:  # a damaged archive raises whatever its readers meet first
        raise HardwareError(f"the stored result {file} is missing or damaged: {error!r}") from None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
