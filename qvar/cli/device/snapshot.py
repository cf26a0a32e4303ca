"""The command that writes the noise of a device to a file."""

from pathlib import Path

from rich.console import Console

from qvar.cli.inputs import parse_integers
from qvar.cli.outputs import check_new_file
from qvar.cli.printing import print_json, print_line
from qvar.cli.progress import waiting
from qvar.hardware import open_backend
from qvar.hardware.snapshot import device_snapshot

__all__ = ["snapshot_command"]


def snapshot_command(backend: str, *, out: Path, qubits: str | None, as_json: bool, quiet: bool) -> None:
    """Write the noise file, and say what is in it."""
    check_new_file(out, ".json", what="a noise file")
    chosen = None if qubits is None else parse_integers(qubits, option="--qubits")
    with waiting(f"reading the calibration of {backend}", visible=not (quiet or as_json)):
        model = device_snapshot(open_backend(backend), qubits=chosen)
    model.to_json(out)
    pairs = sorted({tuple(sorted(pair)) for pair in model.coupling_map or ()})
    if as_json:
        print_json(
            {
                "file": str(out),
                "name": model.name,
                "source": model.source,
                "n_qubits": model.n_qubits,
                "pairs": [list(pair) for pair in pairs],
                "key": model.key(),
            }
        )
        return
    print_line(
        f"{out}: {model.name}, {model.n_qubits} qubits, {len(pairs)} coupled pairs; {model.source}. Search under it "
        f"with: qvar search TASK --noise {out}",
        Console(),
    )
