"""The command `qvar latent embed`: features of a pool, and of circuits from files."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from qvar.cli.outputs import check_new_file
from qvar.cli.printing import print_json, print_line
from qvar.latent.conversion import structure_of
from qvar.latent.folder import LatentFolder
from qvar.latent.pool import CircuitPool
from qvar.simulators import Circuit
from qvar.simulators.errors import CircuitError, LatentError, RunError
from qvar.simulators.files import write_atomically

__all__ = ["embed_command"]


def embed_command(folder: Path, *, files: Sequence[Path], neighbours: int, out: Path | None, as_json: bool) -> None:
    """Write or print features."""
    if out is not None:
        check_new_file(out, ".npz", ".csv", what="a file of features")
    latent = LatentFolder.open(folder)
    latent.check_pretrained()
    if not files:
        if out is None:
            raise RunError("where to? Give --out FILE for the features of the pool, or circuits with --qasm")
        pool = latent.pool()
        _write(out, [f"{key:016x}" for key in pool.keys], latent.features(), latent.id)
        _report({"features": str(out), "n_circuits": len(pool)}, f"{len(pool)} features in {out}", as_json)
        return
    pool = latent.pool()
    structures = np.array([_read(file, pool) for file in files])
    features = latent.model().embed(structures)
    if out is not None:
        _write(out, [str(file) for file in files], features, latent.id)
    rows = [_neighbours(str(f), x, pool, latent.features(), neighbours) for f, x in zip(files, features, strict=True)]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        _print(row, pool)


def _report(data: dict[str, Any], text: str, as_json: bool) -> None:
    if as_json:
        print_json(data)
    else:
        print_line(text, Console())


def _read(path: Path, pool: CircuitPool) -> NDArray[np.int8]:
    try:
        return structure_of(pool.space, Circuit.from_file(path))[0]
    except (CircuitError, LatentError) as error:
        raise LatentError(f"cannot embed the circuit {path}: {error}") from None


def _neighbours(
    name: str, feature: NDArray[np.float32], pool: CircuitPool, features: NDArray[np.float32], count: int
) -> dict[str, Any]:
    distances = np.linalg.norm(features - feature, axis=1)
    nearest = np.argsort(distances, kind="stable")[:count]
    return {
        "circuit": name,
        "feature": [float(x) for x in feature],
        "neighbours": [
            {"index": int(i), "key": f"{int(pool.keys[i]):016x}", "distance": float(distances[i])} for i in nearest
        ],
    }


def _print(row: dict[str, Any], pool: CircuitPool) -> None:
    console = Console()
    print_line(f"{row['circuit']}: its nearest circuits in the pool, by L2 distance of features", console)
    for neighbour in row["neighbours"]:
        gates = " ".join(_words(pool, neighbour["index"]))
        print_line(f"  {neighbour['index']:>7}  {neighbour['distance']:.4f}  {gates}", console)


def _words(pool: CircuitPool, index: int) -> list[str]:
    """Return the gates of a circuit as words such as cx(0,1)."""
    return [
        f"{pool.space.gates[gate]}({first})" if second < 0 else f"{pool.space.gates[gate]}({first},{second})"
        for gate, first, second in pool.structures[index].tolist()
    ]


def _write(path: Path, names: Sequence[str], features: NDArray[np.float32], owner: str) -> None:
    buffer = io.BytesIO()
    if path.suffix == ".npz":
        np.savez(buffer, allow_pickle=False, circuits=np.array(names), features=features, latent=np.array(owner))
        write_atomically(path, buffer.getvalue())
        return
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["circuit", *(f"z{k}" for k in range(features.shape[1]))])
    writer.writerows([name, *(f"{x:.9g}" for x in row)] for name, row in zip(names, features, strict=True))
    write_atomically(path, text.getvalue().encode())
