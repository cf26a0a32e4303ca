"""Run folders with something in them."""

import numpy as np
import pytest

from qvar.runs import RunFolder

CONFIG = {"problem": {"key": "h2-2", "terms": {"ZZ": 0.25}}, "episodes": 3, "seed": 7, "shots": None}


@pytest.fixture
def config():
    return {**CONFIG}


@pytest.fixture
def run(tmp_path):
    """A run with two records and a checkpoint, not finished."""
    folder = RunFolder.create(tmp_path / "run", CONFIG)
    folder.append_metrics({"episode": 1, "energy": -0.5, "loss": None})
    folder.append_metrics({"episode": 2, "energy": -0.75, "loss": 0.1})
    folder.save_checkpoint(
        {"weights": np.linspace(0, 1, 12).reshape(3, 4), "bits": np.arange(5, dtype=np.uint8), "step": np.array(3.0)},
        {"episodes": 2, "rng": {"state": 2**127 + 1}, "epsilon": 0.1 + 0.2},
    )
    return folder


@pytest.fixture
def contents():
    """Return every file below a folder with its bytes."""

    def read(folder):
        return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}

    return read
