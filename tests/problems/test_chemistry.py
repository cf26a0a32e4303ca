"""Any small molecule becomes a problem, and impossible ones are refused before any long work."""

import sys
from typing import Any

import numpy as np
import pytest

from qvar.problems import electronic_structure, molecule, molecule_from_geometry
from qvar.problems.encodings import MAPPINGS
from qvar.simulators.errors import ProblemError

H2 = "H 0 0 0; H 0 0 0.7414"
LIH = "Li 0 0 0; H 0 0 1.6"
WATER = "O 0 0 0; H -0.757 0.586 0; H 0.757 0.586 0"


@pytest.fixture
def no_long_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise AssertionError("Hartree-Fock was started")

    monkeypatch.setattr(electronic_structure, "_solve_hartree_fock", refuse)


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_hydrogen_has_openfermions_full_ci_energy_in_every_encoding(mapping: str) -> None:
    problem = molecule_from_geometry(H2, mapping=mapping)
    # Full CI energy stored with OpenFermion's test data for H2 at 0.7414 angstrom, STO-3G.
    assert problem.exact_energy == pytest.approx(-1.137270174625328, abs=1e-9)
    assert problem.hartree_fock_energy == pytest.approx(-1.11668439, abs=1e-8)
    assert problem.lower_bound <= problem.exact_energy


def test_lithium_hydride_has_openfermions_full_ci_energy() -> None:
    problem = molecule_from_geometry("Li 0 0 0; H 0 0 1.45", mapping="parity_reduced")
    assert problem.n_qubits == 10
    # Full CI energy stored with OpenFermion's test data for LiH at 1.45 angstrom, STO-3G.
    assert problem.exact_energy == pytest.approx(-7.8809823148, abs=1e-8)


@pytest.mark.parametrize(
    ("geometry", "space", "jordan_wigner_terms", "reduced_terms", "exact", "hartree_fock"),
    [
        (H2, None, 15, 5, -1.13727017, -1.11668439),
        (LIH, (2, 3), 62, 52, -7.86291934, -7.86186477),
        (WATER, (4, 4), 105, 95, -74.97036282, -74.96294666),
    ],
)
def test_parity_reduced_agrees_with_jordan_wigner_and_with_other_builders(
    geometry: str,
    space: tuple[int, int] | None,
    jordan_wigner_terms: int,
    reduced_terms: int,
    exact: float,
    hartree_fock: float,
) -> None:
    # Energies and numbers of terms as PennyLane's and Qiskit Nature's builders give them too.
    full = molecule_from_geometry(geometry, active_space=space)
    reduced = molecule_from_geometry(geometry, active_space=space, mapping="parity_reduced")
    assert len(full.observable.labels) == jordan_wigner_terms
    assert len(reduced.observable.labels) == reduced_terms
    assert reduced.n_qubits == full.n_qubits - 2
    assert full.exact_energy == pytest.approx(exact, abs=2e-8)
    assert reduced.exact_energy == pytest.approx(full.exact_energy, abs=1e-9)
    assert full.hartree_fock_energy == pytest.approx(hartree_fock, abs=2e-8)


def test_the_choice_of_orbitals_matters() -> None:
    stretched = "Li 0 0 0; H 0 0 2.2"
    at_gap = molecule_from_geometry(stretched, active_space=(2, 3))
    sigma = molecule_from_geometry(stretched, active_orbitals=(1, 2, 5))
    assert at_gap.exact_energy == pytest.approx(-7.80972413, abs=1e-8)
    assert sigma.exact_energy == pytest.approx(molecule("lih-6").exact_energy, abs=1e-9)


def test_text_and_pairs_and_both_units_give_the_same_molecule() -> None:
    bohr = 0.7414 / 0.52917721092  # PySCF's bohr
    text = molecule_from_geometry("h 0, 0, 0\nH 0 0 0.7414\n")
    pairs = molecule_from_geometry([("H", (0, 0, 0)), ("H", np.array([0, 0, 0.7414]))])  # type: ignore[list-item]
    other_unit = molecule_from_geometry([("H", (0, 0, 0)), ("H", (0, 0, bohr))], unit="bohr")
    assert text == pairs
    assert other_unit.exact_energy == pytest.approx(text.exact_energy, abs=1e-9)
    assert other_unit.key != text.key


def test_two_calls_give_the_same_problem_and_another_recipe_another_key() -> None:
    first, second = (molecule_from_geometry(WATER, active_space=(4, 4)) for _ in range(2))
    assert first == second
    assert first.key.startswith("oh2-8-")
    assert molecule_from_geometry(WATER, active_space=(2, 2)).key != first.key
    assert molecule_from_geometry(H2, key="mine").key == "mine"


def test_an_open_shell_has_the_full_ci_energy_that_unrestricted_orbitals_give() -> None:
    from pyscf import fci, gto, scf

    geometry = "H 0 0 0; H 0 0 1.0; H 0 0 2.1"
    problem = molecule_from_geometry(geometry, spin=1)
    pyscf_molecule = gto.M(atom=geometry, basis="sto-3g", spin=1, verbose=0, parse_arg=False)
    unrestricted = scf.UHF(pyscf_molecule).run(conv_tol=1e-12)
    expected = fci.FCI(unrestricted).kernel()[0]
    assert problem.metadata["casci_energy"] == pytest.approx(expected, abs=1e-8)
    assert problem.exact_energy == pytest.approx(expected, abs=1e-8)


def test_a_hydrogen_atom_is_one_electron() -> None:
    problem = molecule_from_geometry("H 0 0 0", spin=1)
    # Energy of the STO-3G hydrogen atom: Szabo and Ostlund, Modern Quantum Chemistry, table 3.
    assert problem.metadata["casci_energy"] == pytest.approx(-0.46658, abs=1e-5)
    assert problem.n_qubits == 2


@pytest.mark.parametrize(
    ("geometry", "charge", "spin", "mapping", "energy"),
    [
        ("He 0 0 0; H 0 0 0.774", 1, 0, "jordan_wigner", None),
        ("He 0 0 0; H 0 0 0.774", 1, 0, "parity", None),
        ("H 0 0 0; H 0 0 1.06", 1, 1, "jordan_wigner", -0.58269656),
        ("H 0 0 0; H 0 0 1.06", 1, 1, "checksum", -0.58269656),
    ],
)
def test_an_ion_s_own_ground_state_is_the_lowest(geometry, charge, spin, mapping, energy) -> None:
    problem = molecule_from_geometry(geometry, charge=charge, spin=spin, mapping=mapping)
    assert problem.exact_energy == problem.metadata["casci_energy"]
    assert problem.observable.ground_energy() == pytest.approx(problem.exact_energy, abs=1e-9)
    if energy is not None:
        assert problem.exact_energy == pytest.approx(energy, abs=1e-8)


def test_the_penalty_leaves_the_ion_s_own_states_alone_and_lifts_the_others() -> None:
    problem = molecule_from_geometry("He 0 0 0; H 0 0 0.774", charge=1)
    assert problem.metadata["electron_penalty"] > 0.5
    assert "another number of electrons" in problem.source
    matrix = problem.observable.to_sparse().toarray()
    up = np.array([(state & 1) + (state >> 2 & 1) for state in range(16)])
    down = np.array([(state >> 1 & 1) + (state >> 3 & 1) for state in range(16)])
    own = (up == 1) & (down == 1)
    assert np.linalg.eigvalsh(matrix[np.ix_(own, own)])[0] == pytest.approx(problem.exact_energy, abs=1e-9)
    assert np.linalg.eigvalsh(matrix[np.ix_(~own, ~own)])[0] > problem.exact_energy + 0.4


def test_a_molecule_that_needs_no_penalty_has_none() -> None:
    problem = molecule_from_geometry(H2)
    assert "electron_penalty" not in problem.metadata
    assert "another number of electrons" not in problem.source


def test_the_signs_of_orbitals_do_not_depend_on_the_solver() -> None:
    orbitals = np.array([[0.5, -0.7, 0.1], [0.5, 0.7, -0.9], [0.2, 0.1, 0.3]])
    expected = orbitals * np.array([1, -1, -1])
    for flips in ([1, 1, 1], [-1, 1, -1], [1, -1, -1]):
        np.testing.assert_array_equal(electronic_structure._fix_signs(orbitals * np.array(flips)), expected)


def test_a_larger_molecule_uses_lanczos_and_agrees_with_the_active_space_energy() -> None:
    problem = molecule_from_geometry(WATER, active_space=(6, 5))
    assert problem.n_qubits == 10
    assert problem.exact_energy == pytest.approx(problem.metadata["casci_energy"], abs=1e-9)


@pytest.mark.parametrize(
    ("geometry", "message"),
    [
        ("Hx 0 0 0", "unknown element 'Hx'"),
        ("Lo 0 0 0; H 0 0 1", "unknown element 'Lo'"),
        ("0 0 0", "unknown element '0'"),
        ("H 0 0", "three finite coordinates"),
        ("H 0 0 0 0", "three finite coordinates"),
        ("H 0 0 zero", "three finite coordinates"),
        ("H 0 0 nan", "three finite coordinates"),
        ("H 0 0 0; H 0 0 0.05", "atoms 0 .H. and 1 .H. coincide"),
        ("H 0 0 0; O 0 0 1; H 0 0 0", "atoms 0 .H. and 2 .H. coincide"),
        ("", "holds no atom"),
        (" ; \n", "holds no atom"),
        ([], "holds no atom"),
        ([("H", 0, 0, 0)], "cannot be read"),
        ([("H", 5)], "cannot be read"),
        (5, "cannot be read"),
        ([(1, (0, 0, 0))], "unknown element 1"),
    ],
)
def test_a_geometry_that_is_none_is_refused(no_long_work: None, geometry: Any, message: str) -> None:
    with pytest.raises(ProblemError, match=message):
        molecule_from_geometry(geometry)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"unit": "nm"}, "unknown unit 'nm'"),
        ({"basis": "sto-3q"}, "no basis set 'sto-3q' for O"),
        ({"basis": ""}, "no basis set"),
        ({"basis": 3}, "must be the name of a basis set"),
        ({"charge": 1}, "9 electrons .charge 1. cannot have spin=0"),
        ({"charge": 11}, "leaves -1 electrons"),
        ({"charge": 0.5}, "charge must be a whole number"),
        ({"spin": 1}, "10 electrons .charge 0. cannot have spin=1"),
        ({"spin": -2}, "cannot have spin=-2"),
        ({"spin": 12}, "cannot have spin=12"),
        ({"spin": 8}, "9 electrons of one spin do not fit into the 7 orbitals"),
        ({"spin": True}, "spin must be a whole number"),
        ({"mapping": "bravyi"}, "unknown mapping 'bravyi'"),
        ({"mapping": None}, "unknown mapping None"),
        ({"key": "two words"}, "a problem key starts"),
        ({"active_space": (3, 4)}, "impossible active space of 3 electrons"),
        ({"active_space": (12, 7)}, "impossible active space of 12 electrons"),
        ({"active_space": (4, 1)}, "impossible active space of 4 electrons"),
        ({"active_space": (0, 2)}, "impossible active space of 0 electrons"),
        ({"active_space": (4, 5)}, "at most 4 active orbitals"),
        ({"active_space": (4, 2)}, "nothing can move"),
        ({"active_space": 4}, "active_space is a pair"),
        ({"active_space": "44"}, "active_space is a pair"),
        ({"active_space": (4, 4.0)}, "must be a whole number"),
        ({"active_orbitals": [3, 4, 9]}, "different indices in 0..6"),
        ({"active_orbitals": [3, 3]}, "different indices"),
        ({"active_orbitals": [-1, 4]}, "different indices"),
        ({"active_orbitals": []}, "different indices"),
        ({"active_orbitals": [5, 6]}, "nothing can move"),
        ({"active_orbitals": [0, 1]}, "nothing can move"),
        ({"active_orbitals": "345"}, "list of 0-based indices"),
        ({"active_orbitals": 4}, "list of 0-based indices"),
        ({"active_orbitals": [3.0, 4]}, "must be a whole number"),
        ({"active_orbitals": [3, 4, 5], "active_space": (4, 4)}, "contradicts active_orbitals"),
        ({"active_orbitals": [3, 5], "spin": 2}, "miss singly occupied"),
        ({"active_space": (2, 5), "spin": 4}, "keep the unpaired ones"),
        ({"basis": "6-31g"}, "needs 26 qubits"),
    ],
)
def test_settings_that_make_no_molecule_are_refused(no_long_work: None, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ProblemError, match=message):
        molecule_from_geometry(WATER, **settings)


def test_an_active_space_may_be_named_both_ways_if_they_agree() -> None:
    both = molecule_from_geometry(LIH, active_space=(2, 3), active_orbitals=[1, 2, 5])
    assert both.observable == molecule_from_geometry(LIH, active_orbitals=[5, 2, 1]).observable


def test_hartree_fock_that_does_not_converge_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(electronic_structure, "_MAX_CYCLES", 1)
    with pytest.raises(ProblemError, match="Hartree-Fock did not converge within 1 cycles"):
        molecule_from_geometry(WATER, active_space=(4, 4))


@pytest.mark.parametrize("package", ["pyscf.gto", "openfermion"])
def test_a_missing_chemistry_package_names_the_extra(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ProblemError, match="the extra chemistry brings: pip install") as caught:
        molecule_from_geometry(H2)
    assert package.split(".")[0] in str(caught.value)
