"""Our encodings as bit matrices give what OpenFermion computes symbolically, and keep the physics."""

import numpy as np
import openfermion
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from openfermion.utils.indexing import up_then_down

from qvar.problems.active_space import ElectronCount
from qvar.problems.encodings import MAPPINGS, encode, encoding
from qvar.simulators import Observable
from qvar.simulators.errors import ProblemError


def random_hamiltonian(n_orbitals: int, seed: int) -> openfermion.InteractionOperator:
    """A Hamiltonian with the symmetries of a molecule's and no others."""
    rng = np.random.default_rng(seed)
    one_body = rng.normal(size=(n_orbitals, n_orbitals))
    pairs = rng.normal(size=(n_orbitals,) * 4)
    pairs = pairs + pairs.transpose(1, 0, 2, 3)
    pairs = pairs + pairs.transpose(0, 1, 3, 2)
    pairs = pairs + pairs.transpose(2, 3, 0, 1)
    one, two = openfermion.chem.molecular_data.spinorb_from_spatial(one_body + one_body.T, pairs.transpose(0, 2, 3, 1))
    return openfermion.InteractionOperator(rng.normal(), one, 0.5 * two)


def observable_of(operator: openfermion.QubitOperator, n_qubits: int) -> Observable:
    terms = {}
    for factors, value in operator.terms.items():
        letters = ["I"] * n_qubits
        for qubit, letter in factors:
            letters[-1 - qubit] = letter
        terms["".join(letters)] = value
    return Observable.from_terms(terms)


def assert_same_terms(ours: Observable, theirs: Observable) -> None:
    left = dict(zip(ours.labels, ours.coefficients, strict=True))
    right = dict(zip(theirs.labels, theirs.coefficients, strict=True))
    for label in left.keys() | right.keys():
        assert left.get(label, 0.0) == pytest.approx(right.get(label, 0.0), abs=1e-9), label


def encode_ours(hamiltonian: openfermion.InteractionOperator, mapping: str, electrons: ElectronCount) -> Observable:
    n_modes = hamiltonian.one_body_tensor.shape[0]
    chosen = encoding(mapping, n_orbitals=n_modes // 2, electrons=electrons)
    new_index = {mode: position for position, mode in enumerate(chosen.order)}
    reordered = openfermion.FermionOperator()
    for factors, value in openfermion.get_fermion_operator(hamiltonian).terms.items():
        reordered += openfermion.FermionOperator(tuple((new_index[mode], dagger) for mode, dagger in factors), value)
    return encode(observable_of(openfermion.jordan_wigner(reordered), n_modes), chosen)


def spectrum(observable: Observable) -> NDArray[np.float64]:
    return np.linalg.eigvalsh(observable.to_sparse().toarray())


@pytest.mark.parametrize("electrons", [ElectronCount(1, 1), ElectronCount(2, 1), ElectronCount(1, 0)])
@pytest.mark.parametrize("mapping", ["jordan_wigner", "parity", "checksum", "checksum_per_spin"])
@pytest.mark.parametrize("n_orbitals", [2, 3])
def test_every_encoding_equals_openfermions_code_term_by_term(
    mapping: str, n_orbitals: int, electrons: ElectronCount
) -> None:
    hamiltonian = random_hamiltonian(n_orbitals, seed=n_orbitals)
    n_modes = 2 * n_orbitals
    fermions = openfermion.get_fermion_operator(hamiltonian)
    spins_apart = openfermion.reorder(fermions, up_then_down, n_modes)
    checksum = openfermion.checksum_code
    theirs, n_qubits = {
        "jordan_wigner": lambda: (openfermion.jordan_wigner(hamiltonian), n_modes),
        "parity": lambda: (
            openfermion.binary_code_transform(spins_apart, openfermion.parity_code(n_modes)),
            n_modes,
        ),
        "checksum": lambda: (
            openfermion.binary_code_transform(fermions, checksum(n_modes, electrons.total % 2)),
            n_modes - 1,
        ),
        "checksum_per_spin": lambda: (
            openfermion.binary_code_transform(
                spins_apart, checksum(n_orbitals, electrons.up % 2) + checksum(n_orbitals, electrons.down % 2)
            ),
            n_modes - 2,
        ),
    }[mapping]()
    ours = encode_ours(hamiltonian, mapping, electrons)
    assert_same_terms(ours, observable_of(theirs, n_qubits))


@settings(max_examples=15, deadline=None)
@given(st.integers(2, 3), st.integers(0, 2), st.integers(0, 2), st.integers(0, 1000))
def test_reductions_keep_the_energies_of_the_right_electron_numbers_only(
    n_orbitals: int, up: int, down: int, seed: int
) -> None:
    hamiltonian = random_hamiltonian(n_orbitals, seed)
    electrons = ElectronCount(up=up, down=down)
    n_modes = 2 * n_orbitals
    full = observable_of(openfermion.jordan_wigner(hamiltonian), n_modes)
    states = np.arange(2**n_modes)
    bits = (states[:, None] >> np.arange(n_modes)) & 1
    per_spin = (bits[:, 0::2].sum(1) % 2 == up % 2) & (bits[:, 1::2].sum(1) % 2 == down % 2)
    in_total = bits.sum(1) % 2 == electrons.total % 2
    matrix = full.to_sparse().toarray()
    for mapping, kept in (
        ("parity", states >= 0),
        ("parity_reduced", per_spin),
        ("checksum_per_spin", per_spin),
        ("checksum", in_total),
    ):
        reduced = encode_ours(hamiltonian, mapping, electrons)
        expected = np.linalg.eigvalsh(matrix[np.ix_(kept, kept)])
        np.testing.assert_allclose(spectrum(reduced), expected, atol=1e-9)


def test_a_reduction_with_the_wrong_parity_gives_other_energies() -> None:
    hamiltonian = random_hamiltonian(2, seed=1)
    right = encode_ours(hamiltonian, "parity_reduced", ElectronCount(1, 1))
    wrong = encode_ours(hamiltonian, "parity_reduced", ElectronCount(2, 1))
    assert np.abs(spectrum(right) - spectrum(wrong)).max() > 0.1


def test_an_observable_that_changes_a_fixed_bit_is_refused() -> None:
    with pytest.raises(ProblemError, match="holds fixed"):
        encode(
            Observable.from_terms({"XIII": 1.0}),
            encoding("parity_reduced", n_orbitals=2, electrons=ElectronCount(1, 1)),
        )


def test_an_unknown_mapping_gets_the_list() -> None:
    with pytest.raises(ProblemError, match="unknown mapping 'bravyi_kitaev'") as caught:
        encoding("bravyi_kitaev", n_orbitals=2, electrons=ElectronCount(1, 1))
    assert all(name in str(caught.value) for name in MAPPINGS)


@pytest.mark.parametrize("mapping", ["parity_reduced", "checksum_per_spin"])
def test_a_reduction_that_leaves_no_qubit_is_refused(mapping: str) -> None:
    with pytest.raises(ProblemError, match="leaves no qubit"):
        encoding(mapping, n_orbitals=1, electrons=ElectronCount(1, 0))
