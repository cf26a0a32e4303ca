"""Run folders and sweep folders made by hand, whose numbers a reader can check."""

import json

import pytest

from qvar.problems import molecule
from qvar.runs import RunFolder, SweepFolder
from qvar.search import RandomPolicy, SearchConfiguration
from qvar.simulators import NoiseModel, PauliTransferSimulator, StatevectorSimulator

RESULT = {
    "qasm": "OPENQASM 3.0;\ninclude 'stdgates.inc';\nqubit[2] q;\nrx(0.5) q[0];\n".replace("'", '"'),
    "energy": -1.05,
    "noiseless_energy": -1.1371,
    "exact_energy": -1.13727,
    "error": 1e-3,
    "depth": 3,
    "n_cnots": 2,
    "n_rotations": 4,
    "steps": 20,
    "evaluations": 100,
    "gradients": 300,
    "shots": 0,
    "seconds": 2.5,
}


def record(episode, energies, best_error, **more):
    return {
        "episode": episode,
        "energy": -1.0,
        "error": 2 * best_error,
        "best_energy": -1.05,
        "best_error": best_error,
        "evaluations": energies % 3,
        "gradients": energies // 3,
        "shots": 0,
        "steps": 10 * episode,
        "seconds": 0.5 * episode,
        **more,
    }


@pytest.fixture
def make_config():
    def make(task="h2-2", noise=None, **changes):
        problem = molecule(task) if isinstance(task, str) else task
        model = NoiseModel.named(noise) if isinstance(noise, str) else noise
        engine = StatevectorSimulator() if model is None else PauliTransferSimulator(model)
        settings = {"algorithm": RandomPolicy(), "episodes": 10, "max_gates": 5, **changes}
        return SearchConfiguration(problem, engine, **settings).to_dict()

    return make


@pytest.fixture
def make_run(make_config, tmp_path):
    """Write a run folder: finished with a result, failed with an error, or unfinished."""

    def make(name, config=None, *, records=(), result=None, error=None):
        folder = RunFolder.create(tmp_path / name, make_config() if config is None else config)
        for entry in records:
            folder.append_metrics(entry)
        if result is not None:
            folder.write_result(RESULT | result)
        if error is not None:
            (folder.path / "error.json").write_text(json.dumps({"error": error, "traceback": None}))
        return folder.path

    return make


@pytest.fixture
def make_sweep(make_config, tmp_path):
    """Write a sweep.json whose combinations have the given configurations; its runs are still to be made."""

    def make(name, combinations, seeds):
        plan = {"combinations": {}, "seeds": list(seeds)}
        for labels, config in combinations:
            without_seed = {key: value for key, value in config.items() if key != "seed"}
            words = dict(zip(("task", "noise", "preset", "algorithm"), labels, strict=True))
            plan["combinations"]["-".join(labels)] = {"labels": words, "configuration": without_seed}
        return SweepFolder.prepare(tmp_path / name, plan)

    return make
