"""Results on the disk: plain arrays in an .npz file, never pickled, and read back as Qiskit's containers."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np

from qvar.simulators.errors import HardwareError
from qvar.simulators.files import write_atomically

__all__ = ["load_result", "store_result"]


def store_result(file: Path, result: Any, about: dict[str, Any]) -> None:
    """Write the data of a `PrimitiveResult`: values and errors, or the bits of every shot.

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
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **{"head.json": np.array(head), **arrays})
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, buffer.getvalue())


def load_result(file: Path) -> Any:
    """Return what `store_result` wrote as a `PrimitiveResult`.

    Raises:
        HardwareError: if the file is missing or damaged.
    """
    from qiskit.primitives import BitArray, DataBin, PrimitiveResult, PubResult, SamplerPubResult

    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        head = json.loads(str(arrays.pop("head.json")))
        results = []
        for k, pub in enumerate(head["pubs"]):
            prefix = f"{k}/"
            data = {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}
            data |= {name: BitArray(data[name], number) for name, number in pub["bits"].items()}
            kind = SamplerPubResult if pub["bits"] else PubResult
            results.append(kind(DataBin(**data, shape=tuple(pub["shape"])), metadata=dict(head["about"])))
        return PrimitiveResult(results, metadata=head["about"])
    except Exception as error:  # a damaged archive raises whatever its readers meet first
        raise HardwareError(
            f"the stored result {file} is missing or damaged: {error!r}; its job was paid for and is still at the "
            "service under the id that the ledger shows"
        ) from None
