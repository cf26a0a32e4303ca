"""The shipped molecules have their published energies and are what their recipes say."""

import json
import subprocess
import sys

import numpy as np
import pytest

import qvar.problems
from qvar.problems import Problem, molecule, tasks
from qvar.problems.recipes import RECIPES
from qvar.simulators.errors import ProblemError

# Exact energy (Ha) and number of Pauli terms besides the identity: recomputed from the recipes; all but h2o-8 agree
# with the matrices published with Patel et al., arXiv 2402.03500, to within the single precision some of those have.
EXACT = {
    "h2-2": (-1.13727017, 4),
    "h2-3": (-1.13727017, 9),
    "h2-4": (-1.13618945, 14),
    "lih-4": (-7.78908890, 99),
    "lih-6": (-7.84487909, 117),
    "h2o-8-bohr": (-73.29410675, 192),
    "h2o-8": (-74.97036282, 104),
}
# Hartree-Fock energies (Ha) of the published matrices. Those of h2-4 and LiH are stored there in single precision.
HARTREE_FOCK = {
    "h2-2": (-1.11668439, 1e-8),
    "h2-3": (-1.11668439, 1e-8),
    "h2-4": (-1.11734896, 1e-7),
    "lih-4": (-7.67006031, 1e-7),
    "lih-6": (-7.80799441, 1e-7),
    "h2o-8-bohr": (-73.29148061, 1e-8),
    "h2o-8": (-74.96294666, 1e-8),
}
# c_I - sum |c_k| (Ha). It changes to first order with the orbitals: the published values of the last four carry the
# error of a Hartree-Fock run stopped at 1e-9 Ha, or of single precision; ours are converged to a gradient of 1e-9.
LOWER_BOUND = {
    "h2-2": (-1.32044637, 1e-8),
    "h2-3": (-1.98391446, 1e-8),
    "h2-4": (-1.99009719, 1e-8),
    "lih-4": (-10.0718, 1e-5),
    "lih-6": (-10.13482772, 3e-7),
    "h2o-8-bohr": (-77.89106671, 2e-8),
    "h2o-8": (-80.02434199, 2e-6),
}
CONVERGED_LOWER_BOUND = {
    "lih-4": -10.07179885,
    "lih-6": -10.13482751,
    "h2o-8-bohr": -77.89106670,
    "h2o-8": -80.02434368,
}


def test_seven_molecules_are_shipped_and_each_has_a_recipe() -> None:
    assert tasks() == tuple(EXACT)
    assert {recipe.key for recipe in RECIPES} == set(tasks())


@pytest.mark.parametrize("key", tasks())
def test_the_exact_energy_has_every_published_digit(key: str) -> None:
    assert molecule(key).exact_energy == pytest.approx(EXACT[key][0], abs=6e-9)


@pytest.mark.parametrize("key", tasks())
def test_the_exact_energy_is_the_lowest_eigenvalue_of_the_shipped_observable(key: str) -> None:
    assert molecule(key).exact_energy == pytest.approx(molecule(key).observable.ground_energy(), abs=1e-10)


@pytest.mark.parametrize("key", tasks())
def test_the_number_of_qubits_is_in_the_key_and_the_number_of_terms_is_the_published_one(key: str) -> None:
    observable = molecule(key).observable
    identity = "I" * observable.n_qubits
    assert observable.n_qubits == int(key.split("-")[1])
    assert observable.labels[0] == identity
    assert len(observable.labels) - 1 == EXACT[key][1]


@pytest.mark.parametrize("key", tasks())
def test_the_lower_bound_is_the_published_one(key: str) -> None:
    published, tolerance = LOWER_BOUND[key]
    assert molecule(key).lower_bound == pytest.approx(published, abs=tolerance)


@pytest.mark.parametrize("key", CONVERGED_LOWER_BOUND)
def test_the_lower_bound_belongs_to_converged_orbitals(key: str) -> None:
    assert molecule(key).lower_bound == pytest.approx(CONVERGED_LOWER_BOUND[key], abs=1e-8)


@pytest.mark.parametrize("key", tasks())
def test_the_hartree_fock_energy_is_published_and_the_best_of_all_basis_states(key: str) -> None:
    problem = molecule(key)
    published, tolerance = HARTREE_FOCK[key]
    diagonal = problem.observable.to_sparse().diagonal().real
    assert problem.hartree_fock_energy == pytest.approx(published, abs=tolerance)
    assert problem.hartree_fock_energy == pytest.approx(np.min(diagonal), abs=1e-9)


def test_the_two_waters_are_different_molecules() -> None:
    assert molecule("h2o-8-bohr").metadata["geometry_unit"] == "bohr"
    assert molecule("h2o-8").metadata["geometry_unit"] == "angstrom"
    assert molecule("h2o-8-bohr").exact_energy - molecule("h2o-8").exact_energy > 1.6


@pytest.mark.parametrize("key", tasks())
def test_every_molecule_carries_its_recipe(key: str) -> None:
    problem = molecule(key)
    assert problem.key == key
    assert problem.unit == "Ha"
    assert problem.metadata["geometry"] in problem.source
    assert problem.metadata["basis"] == "sto-3g"
    assert set(problem.metadata["versions"]) == {"pyscf", "openfermion"}
    assert Problem.from_dict(json.loads(json.dumps(problem.to_dict()))) == problem


def test_a_molecule_is_read_once() -> None:
    assert molecule("h2-2") is molecule("h2-2")


@pytest.mark.parametrize(("key", "near"), [("LiH-4", "lih-4"), ("h2o8", "h2o-8"), ("h2_4", "h2-4")])
def test_an_unknown_key_gets_the_list_and_a_near_match(key: str, near: str) -> None:
    with pytest.raises(ProblemError, match=f"did you mean '{near}'") as caught:
        molecule(key)
    assert all(name in str(caught.value) for name in tasks())


@pytest.mark.parametrize("key", ["benzene", "", None, ["h2-2"]])
def test_a_key_like_no_other_gets_the_list_only(key: object) -> None:
    with pytest.raises(ProblemError, match="shipped are h2-2") as caught:
        molecule(key)  # type: ignore[arg-type]
    assert "did you mean" not in str(caught.value)


def test_loading_molecules_imports_no_heavy_package() -> None:
    heavy = ("pyscf", "openfermion", "torch", "scipy", "qiskit", "gymnasium", "networkx")
    code = (
        "import sys, qvar.problems as p; [p.molecule(k).lower_bound for k in p.tasks()]; "
        f"print([m for m in {heavy!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_all_public_names_exist() -> None:
    assert sorted(qvar.problems.__all__) == [
        "FAMILIES",
        "Family",
        "Problem",
        "find_problem",
        "heisenberg",
        "max_cut",
        "molecule",
        "molecule_from_geometry",
        "state_preparation",
        "tasks",
        "transverse_field_ising",
        "unitary_compilation",
    ]
    assert all(hasattr(qvar.problems, name) for name in qvar.problems.__all__)
