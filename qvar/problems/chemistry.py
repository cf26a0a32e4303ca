"""Make a qubit Hamiltonian of any small molecule: orbitals, active space, fermion-to-qubit encoding.

The Hamiltonian is H = E_core + sum h_pq a+_p a_q + 1/2 sum (pq|rs) a+_p a+_r a_s a_q over the active
orbitals, where E_core holds the nuclear repulsion and the energy of the frozen core. PySCF computes the
integrals, OpenFermion the Jordan-Wigner form; both load at the first call (extra "chemistry").
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from itertools import combinations
from typing import Any

import numpy as np

from qvar.problems.active_space import ActiveSpace, ElectronCount, choose_active_space, count_electrons
from qvar.problems.electronic_structure import Integrals, active_integrals, build_molecule, load_package
from qvar.problems.encodings import check_mapping, encode, encoding
from qvar.problems.geometry import Geometry, parse_geometry
from qvar.problems.problem import Problem, check_key
from qvar.simulators import Observable
from qvar.simulators.errors import ProblemError
from qvar.simulators.observable import pauli_label

__all__ = ["molecule_from_geometry"]

_MAX_QUBITS = 16


def molecule_from_geometry(
    geometry: str | Sequence[tuple[str, Sequence[float]]],
    *,
    basis: str = "sto-3g",
    unit: str = "angstrom",
    charge: int = 0,
    spin: int = 0,
    active_space: tuple[int, int] | None = None,
    active_orbitals: Sequence[int] | None = None,
    mapping: str = "jordan_wigner",
    key: str | None = None,
) -> Problem:
    """Make the ground-state problem of a molecule.

    Orbitals come from restricted (open-shell) Hartree-Fock. The exact energy is the lowest with the molecule's
    own numbers of electrons of either spin. Where a state with other numbers lies lower, as for cations that
    would bind another electron, the observable gets the penalty w [(N_up - n_up)^2 + (N_down - n_down)^2], which
    is zero on the molecule's own states and lifts all others above them; `metadata["electron_penalty"]` is w in
    Hartree, and `source` says so.

    Args:
        geometry: "H 0 0 0; H 0 0 0.74", or a sequence of (symbol, (x, y, z)).
        basis: a basis set PySCF knows.
        unit: unit of the coordinates, "angstrom" or "bohr".
        charge: total charge in elementary charges.
        spin: number of unpaired electrons, 2S.
        active_space: (electrons, orbitals) around the gap; None for all orbitals, or as `active_orbitals`
            says.
        active_orbitals: 0-based indices of the orbitals to keep active, in the order doubly occupied, singly
            occupied, empty, each by rising energy. Occupied ones left out are frozen, empty ones removed.
            None: see above.
        mapping: "jordan_wigner" and "parity" (two qubits per orbital), "checksum" (one less),
            "parity_reduced" and "checksum_per_spin" (two less). Jordan-Wigner and "checksum" count qubits as
            orbital 0 up, orbital 0 down, orbital 1 up, ...; the others all spin up first.
        key: name of the problem; None makes one of the formula and a hash of the recipe.

    Returns:
        The problem, energies in Hartree, the nuclear repulsion and the frozen core inside the identity
        coefficient.

    Raises:
        ProblemError: if the input is impossible, PySCF or OpenFermion is missing, more than 16 qubits would
            be needed, or Hartree-Fock does not converge.

    Example:
        >>> problem = molecule_from_geometry("H 0 0 0; H 0 0 0.7414", mapping="parity_reduced")
        >>> problem.n_qubits, round(problem.exact_energy, 6)
        (2, -1.13727)

    Source: Sun et al., arXiv 1701.08223 (PySCF); McClean et al., arXiv 1710.07629 (OpenFermion).
    """
    atoms = parse_geometry(geometry, unit=unit)
    electrons = count_electrons(protons=atoms.protons, charge=charge, spin=spin)
    check_mapping(mapping)
    if key is not None:
        check_key(key)
    load_package("openfermion")
    molecule = build_molecule(atoms, basis=basis, charge=int(charge), spin=int(spin))
    space = choose_active_space(
        electrons=electrons,
        n_orbitals=int(molecule.nao),
        active_space=active_space,
        active_orbitals=active_orbitals,
    )
    chosen = encoding(mapping, n_orbitals=len(space.orbitals), electrons=space.electrons)
    _check_size(2 * len(space.orbitals) - len(chosen.fixed))
    integrals = active_integrals(molecule, space)
    recipe = _recipe(atoms, basis, int(charge), int(spin), space, mapping)
    hamiltonian = _jordan_wigner(integrals, chosen.order)
    observable = encode(hamiltonian, chosen)
    weight = _penalty_weight(integrals.casci_energy - observable.ground_energy())
    if weight > 0.0:
        observable = encode(_with_penalty(hamiltonian, chosen.order, space.electrons, weight), chosen)
        recipe |= {"electron_penalty": weight}
    return Problem(
        key=key if key is not None else _make_key(atoms, observable.n_qubits, recipe),
        title=f"{atoms.formula}, {basis}, {observable.n_qubits} qubits",
        observable=observable,
        exact_energy=integrals.casci_energy,
        source=_describe(atoms, basis, electrons, space, mapping) + _describe_penalty(weight),
        hartree_fock_energy=integrals.hartree_fock_energy,
        metadata=recipe | {"casci_energy": integrals.casci_energy},
    )


def _check_size(n_qubits: int) -> None:
    if n_qubits > _MAX_QUBITS:
        raise ProblemError(
            f"this molecule needs {n_qubits} qubits and exact diagonalization goes to {_MAX_QUBITS}; choose "
            "a smaller active_space=(electrons, orbitals), basis, or mapping='parity_reduced'"
        )


def _jordan_wigner(integrals: Integrals, order: tuple[int, ...]) -> Observable:
    openfermion = load_package("openfermion")
    # OpenFermion orders a two-body integral as a+_p a+_q a_r a_s, so (pq|rs) moves to [p, r, s, q].
    physicists = integrals.two_body.transpose(0, 2, 3, 1)
    spin_one, spin_two = load_package("openfermion.chem.molecular_data").spinorb_from_spatial(
        integrals.one_body, physicists
    )
    spin_one, spin_two = spin_one[np.ix_(order, order)], spin_two[np.ix_(order, order, order, order)]
    hamiltonian = openfermion.InteractionOperator(integrals.constant, spin_one, 0.5 * spin_two)
    n_qubits = len(order)
    terms = openfermion.jordan_wigner(hamiltonian).terms
    return Observable.from_terms({pauli_label(dict(factors), n_qubits): value for factors, value in terms.items()})


def _penalty_weight(gap: float) -> float:
    """Return w in Hartree: 0 if the molecule's own ground state is the lowest, else enough to make it so."""
    return 0.0 if gap < 1e-8 else 2.0 * gap + 0.5


def _with_penalty(
    hamiltonian: Observable, order: tuple[int, ...], electrons: ElectronCount, weight: float
) -> Observable:
    """Add w (N - n)^2 for either spin, with N = sum (1 - Z_q) / 2 over the qubits of that spin."""
    terms = list(zip(hamiltonian.labels, hamiltonian.coefficients, strict=True))
    for spin, n in enumerate((electrons.up, electrons.down)):
        qubits = [q for q, orbital in enumerate(order) if orbital % 2 == spin]
        a = len(qubits) / 2 - n  # N - n = a - sum Z / 2
        terms.append((pauli_label({}, len(order)), weight * (a**2 + len(qubits) / 4)))
        terms += [(pauli_label({q: "Z"}, len(order)), -weight * a) for q in qubits]
        pairs = combinations(qubits, 2)
        terms += [(pauli_label({p: "Z", q: "Z"}, len(order)), weight / 2) for p, q in pairs]
    return Observable.from_terms(terms)


def _describe_penalty(weight: float) -> str:
    if weight == 0.0:
        return ""
    return (
        " Without more a state with another number of electrons would lie lower: the observable holds the penalty "
        f"{weight:.6f} Ha times the squared deviations of both spins' electron numbers."
    )


def _recipe(atoms: Geometry, basis: str, charge: int, spin: int, space: ActiveSpace, mapping: str) -> dict[str, Any]:
    return {
        "geometry": atoms.text,
        "geometry_unit": atoms.unit,
        "basis": basis,
        "charge": charge,
        "spin": spin,
        "active_electrons": asdict(space.electrons),
        "active_orbitals": list(space.orbitals),
        "frozen_orbitals": list(space.core),
        "mapping": mapping,
        "versions": {name: version(name) for name in ("pyscf", "openfermion")},
    }


def _make_key(atoms: Geometry, n_qubits: int, recipe: Mapping[str, Any]) -> str:
    named = {name: value for name, value in recipe.items() if name != "versions"}
    digest = hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()[:8]
    return f"{atoms.formula.lower()}-{n_qubits}-{digest}"


def _describe(atoms: Geometry, basis: str, electrons: ElectronCount, space: ActiveSpace, mapping: str) -> str:
    method = "RHF" if electrons.up == electrons.down else "ROHF"
    orbitals = ", ".join(map(str, space.orbitals))
    frozen = f", frozen {', '.join(map(str, space.core))}" if space.core else ""
    return (
        f"{atoms.text} ({atoms.unit}); {basis} {method} orbitals; {space.electrons.up} up and "
        f"{space.electrons.down} down electrons in orbitals {orbitals} (counted from 0{frozen}); {mapping} "
        f"encoding; PySCF {version('pyscf')}, OpenFermion {version('openfermion')}; nuclear repulsion and "
        "frozen core included."
    )
