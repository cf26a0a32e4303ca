"""Hartree-Fock orbitals and the integrals over an active space, computed by PySCF (extra "chemistry").

PySCF loads at the first call. Its molecule and solver objects have no types, hence `Any` below.
"""

import warnings
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qvar.problems.active_space import ActiveSpace
from qvar.problems.geometry import Geometry
from qvar.simulators.errors import ProblemError
from qvar.simulators.extras import how_to_install

__all__ = ["Integrals", "active_integrals", "build_molecule", "load_package"]

_MAX_CYCLES = 200
_ENERGY_TOLERANCE = 1e-13  # Hartree
_GRADIENT_TOLERANCE = 1e-9  # Hartree; integrals, unlike the energy, change to first order in the orbitals


@dataclass(frozen=True)
class Integrals:
    """The electronic Hamiltonian over m active orbitals, in Hartree.

    Attributes:
        constant: nuclear repulsion and energy of the frozen core.
        one_body: h_pq, the frozen core's field included; float64 of shape (m, m).
        two_body: (pq|rs) in chemists' order; float64 of shape (m, m, m, m).
        hartree_fock_energy: total energy of the Hartree-Fock determinant.
        casci_energy: lowest total energy with the active electrons of either spin.
    """

    constant: float
    one_body: NDArray[np.float64]
    two_body: NDArray[np.float64]
    hartree_fock_energy: float
    casci_energy: float


def load_package(name: str) -> Any:
    """Import a module of PySCF or OpenFermion, or raise a ProblemError that says how to install them."""
    try:
        return import_module(name)
    except ImportError as error:
        raise ProblemError(
            f"making a molecule needs {name.split('.')[0]}, which cannot be imported ({error}); "
            f"{how_to_install('chemistry')}"
        ) from error


def build_molecule(atoms: Geometry, *, basis: str, charge: int, spin: int) -> Any:
    """Return PySCF's molecule; no integral is computed yet.

    Raises:
        ProblemError: if PySCF is missing or has no such basis set for one of the elements.
    """
    gto = load_package("pyscf.gto")
    if not isinstance(basis, str):
        raise ProblemError(f"basis must be the name of a basis set such as 'sto-3g', got {basis!r}")
    for symbol in dict.fromkeys(atoms.symbols):
        _check_basis(gto, basis, symbol)
    molecule = gto.Mole()
    molecule.atom = list(zip(atoms.symbols, atoms.positions, strict=True))
    molecule.unit = atoms.unit
    molecule.basis, molecule.charge, molecule.spin, molecule.verbose = basis, charge, spin, 0
    return molecule.build(dump_input=False, parse_arg=False)


def _check_basis(gto: Any, basis: str, symbol: str) -> None:
    try:
        with warnings.catch_warnings():
            # PySCF advises to install another package for basis sets it does not know; the error says enough.
            warnings.filterwarnings("ignore", message="Basis may be available in basis-set-exchange")
            found = bool(gto.basis.load(basis, symbol))
    except (RuntimeError, LookupError, ValueError, OSError):  # which one PySCF raises depends on the name
        found = False
    if not found:
        raise ProblemError(
            f"PySCF knows no basis set {basis!r} for {symbol}; use a name such as 'sto-3g', '6-31g' or 'cc-pvdz'"
        )


def active_integrals(molecule: Any, space: ActiveSpace) -> Integrals:
    """Solve Hartree-Fock and transform the integrals to the active orbitals.

    Raises:
        ProblemError: if Hartree-Fock does not converge.
    """
    # One thread fixes the order of sums, so that a recipe gives the same Hamiltonian to the last bit.
    with load_package("pyscf.lib").with_omp_threads(1):
        solved = _solve_hartree_fock(molecule)
        return _transform(solved, _order_orbitals(solved, space), space)


def _order_orbitals(solved: Any, space: ActiveSpace) -> NDArray[np.float64]:
    by_occupation = np.argsort(-solved.mo_occ, kind="stable")
    orbitals = _fix_signs(solved.mo_coeff[:, by_occupation])
    first = [*space.core, *space.orbitals]
    rest = [index for index in range(orbitals.shape[1]) if index not in first]
    ordered: NDArray[np.float64] = orbitals[:, first + rest]
    return ordered


def _transform(solved: Any, ordered: NDArray[np.float64], space: ActiveSpace) -> Integrals:
    size = len(space.orbitals)
    casci = load_package("pyscf.mcscf").CASCI(solved, size, (space.electrons.up, space.electrons.down))
    casci.fcisolver.conv_tol = _ENERGY_TOLERANCE
    one_body, constant = casci.get_h1eff(ordered)
    return Integrals(
        constant=float(constant),
        one_body=one_body,
        two_body=load_package("pyscf.ao2mo").restore(1, casci.get_h2eff(ordered), size),
        hartree_fock_energy=float(solved.e_tot),
        casci_energy=float(casci.kernel(ordered)[0]),
    )


def _solve_hartree_fock(molecule: Any) -> Any:
    scf = load_package("pyscf.scf")
    solver = scf.ROHF(molecule) if molecule.spin else scf.RHF(molecule)
    solver.conv_tol, solver.conv_tol_grad = _ENERGY_TOLERANCE, _GRADIENT_TOLERANCE
    solver.max_cycle, solver.chkfile = _MAX_CYCLES, None
    solver.kernel()
    if not solver.converged:
        raise ProblemError(
            f"Hartree-Fock did not converge within {_MAX_CYCLES} cycles (last energy "
            f"{float(solver.e_tot):.8f} Ha); check the geometry and its unit, charge and spin, or try "
            "another basis"
        )
    return solver


def _fix_signs(orbitals: NDArray[np.float64]) -> NDArray[np.float64]:
    # The signs of orbitals (columns) are arbitrary: make the largest coefficient positive.
    sizes = np.abs(orbitals)
    rows = np.argmax(sizes > sizes.max(axis=0) - 1e-6, axis=0)  # of coefficients equal by symmetry, the first
    signed: NDArray[np.float64] = orbitals * np.sign(orbitals[rows, np.arange(orbitals.shape[1])])
    return signed
