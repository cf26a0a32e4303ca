"""Run folders made by hand, whose numbers a reader can check."""

import json

import pytest

from qvar.problems import molecule
from qvar.runs import RunFolder, SweepFolder
from qvar.search import RandomPolicy, SearchConfiguration
from qvar.simulators import StatevectorSimulator

EXACT = molecule("h2-2").exact_energy
QASM = 'OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[2] q;\nrx(0.5) q[0];\ncx q[0], q[1];\n'
RESULT = {
    "qasm": QASM,
    "energy": EXACT + 0.01,
    "noiseless_energy": EXACT + 0.001,
    "exact_energy": EXACT,
    "error": 0.001,
    "depth": 2,
    "n_cnots": 1,
    "n_rotations": 1,
    "evaluations": 100,
    "gradients": 300,
    "seconds": 2.5,
}
PARETO = [{"n_cnots": 0, "depth": 1, "error": 0.2}, {"n_cnots": 1, "depth": 2, "error": 0.001}]


def record(episode, *, error=None, **more):
    """The record of an episode: 100 energies each, the error falling as 0.1 / episode."""
    best = 0.1 / episode if error is None else error
    return {
        "episode": episode,
        "energy": EXACT + 2 * best,
        "error": 2 * best,
        "best_energy": EXACT + best + 0.01,
        "best_error": best,
        "steps": episode,
        "evaluations": 40 * episode,
        "gradients": 20 * episode,
        "shots": 0,
        "seconds": 0.5 * episode,
        **more,
    }


def append(path, *records):
    with (path / "metrics.jsonl").open("a") as file:
        file.writelines(json.dumps(each) + "\n" for each in records)


@pytest.fixture
def make_config():
    def make(**changes):
        settings = {"algorithm": RandomPolicy(), "episodes": 10, "max_gates": 5, **changes}
        return SearchConfiguration(molecule("h2-2"), StatevectorSimulator(), **settings).to_dict()

    return make


@pytest.fixture
def make_run(make_config, tmp_path):
    """Write a run folder with records; finished if it is given a result."""

    def make(name, *, records=(), result=None, **changes):
        folder = RunFolder.create(tmp_path / "runs" / name, make_config(**changes))
        append(folder.path, *records)
        if result is not None:
            (folder.path / "pareto.json").write_text(json.dumps(PARETO))
            folder.write_result(result)
        return folder.path

    return make


@pytest.fixture
def make_sweep(make_config, tmp_path):
    def make(name, seeds):
        config = {key: value for key, value in make_config().items() if key != "seed"}
        labels = {"task": "h2-2", "noise": "none", "preset": "qvar", "algorithm": "random"}
        plan = {"combinations": {"all": {"labels": labels, "configuration": config}}, "seeds": list(seeds)}
        return SweepFolder.prepare(tmp_path / "runs" / name, plan)

    return make
