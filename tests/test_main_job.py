"""The job of the README: a circuit for H2 under measured device noise, from a newcomer's one command."""

import json

import pytest

from qvar.cli import main
from qvar.problems import molecule
from qvar.simulators import AerSimulator, Circuit, NoiseModel

OURENSE_PAIRS = {(0, 1), (1, 0), (1, 2), (2, 1), (1, 3), (3, 1)}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [7, 8, 9])
def test_the_search_reaches_chemical_accuracy_under_ourense_noise(seed, tmp_path, capsys):
    folder = tmp_path / "run"
    with pytest.raises(SystemExit) as end:
        main(["search", "h2-4", "--noise", "ourense", "--seed", str(seed), "--out", str(folder), "--json"])
    assert end.value.code in (0, None)
    result = json.loads(capsys.readouterr().out)
    problem = molecule("h2-4")

    assert result["error"] < 1.6e-3
    assert result["energy"] > result["noiseless_energy"] > problem.exact_energy

    found = Circuit.from_qasm((folder / "best.qasm").read_text())
    assert {o.qubits for o in found.operations if o.gate == "cx"} <= OURENSE_PAIRS
    noisy = AerSimulator(NoiseModel.named("ourense")).objective(found, problem.observable)([])
    ideal = AerSimulator().objective(found, problem.observable)([])
    assert noisy == pytest.approx(result["energy"], abs=1e-9)
    assert abs(ideal - problem.exact_energy) < 1.6e-3


def test_the_hartree_fock_state_alone_is_not_enough():
    problem = molecule("h2-4")
    assert problem.hartree_fock_energy - problem.exact_energy > 1.6e-3
