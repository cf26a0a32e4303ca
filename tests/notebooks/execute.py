"""Execute the notebooks with the qvar of this repository, in place if run: `python tests/notebooks/execute.py 01`.

Without arguments it executes all of them. Every notebook runs in an empty folder that is also its home: it sees no
settings, no saved account and no file that it has not made itself.
"""

import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
SECONDS_PER_CELL = 300


def read(path):
    """Return the notebook as it is on disk, checked against the format."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return notebook


def environment(folder):
    """Return the variables a kernel starts with: this repository first, one thread, no account, machine code kept."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("QISKIT_", "IPYTHON"))}
    caches = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), "1")
    return inherited | threads | {"HOME": folder, "XDG_CACHE_HOME": caches, "PYTHONPATH": os.pathsep.join(paths)}


def executed(path):
    """Return the notebook with fresh outputs and nothing in it that says where or when it ran."""
    notebook = read(path)
    for cell in notebook.cells:
        tags = cell.metadata.get("tags")
        cell.metadata = {"tags": tags} if tags else {}
    notebook.metadata = METADATA
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=SECONDS_PER_CELL,
            kernel_name="python3",
            record_timing=False,
            coalesce_streams=True,
            resources={"metadata": {"path": folder}},
        )
        client.execute(env=environment(folder))
    notebook.metadata = METADATA  # the kernel adds versions
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if not is_about_compiling(output)]
    return notebook


def is_about_compiling(output):
    """Return whether an output only says that machine code was made, which happens once on a machine."""
    return output.get("name") == "stderr" and all(
        line.startswith("compiling the kernel") for line in output.text.splitlines()
    )


def main(wanted):
    """Execute the notebooks whose names begin with one of `wanted` and write them back."""
    for path in NOTEBOOKS:
        if not wanted or path.name.startswith(tuple(wanted)):
            print(path.name, flush=True)  # noqa: T201
            nbformat.write(executed(path), path)


if __name__ == "__main__":
    main(sys.argv[1:])
