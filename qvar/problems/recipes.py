"""The recipes of the shipped molecules: everything needed to compute their Hamiltonians again."""

from dataclasses import dataclass, replace

from qvar.problems.chemistry import molecule_from_geometry
from qvar.problems.problem import Problem

__all__ = ["RECIPES", "Recipe", "build"]

_CRLQAS = "Benchmark of Patel et al., arXiv 2402.03500"


@dataclass(frozen=True)
class Recipe:
    """How one shipped Hamiltonian is made; the fields mean what they mean in `molecule_from_geometry`.

    Attributes:
        key: name of the task.
        title: the task in one line.
        geometry: atoms as text, in `unit`.
        origin: where the task comes from, and what to know before using its numbers.
        unit: unit of the coordinates.
        active_orbitals: 0-based indices of the active orbitals; None for all.
        mapping: name of the fermion-to-qubit encoding.
    """

    key: str
    title: str
    geometry: str
    origin: str
    unit: str = "angstrom"
    active_orbitals: tuple[int, ...] | None = None
    mapping: str = "jordan_wigner"


RECIPES = (
    Recipe(
        key="h2-2",
        title="H2 at 0.7414 angstrom, both spin parities removed",
        geometry="H 0 0 0; H 0 0 0.7414",
        mapping="checksum_per_spin",
        origin=f"{_CRLQAS}; the encoding is OpenFermion's 2 * checksum_code(2, 1) on spins up first.",
    ),
    Recipe(
        key="h2-3",
        title="H2 at 0.7414 angstrom, electron-number parity removed",
        geometry="H 0 0 0; H 0 0 0.7414",
        mapping="checksum",
        origin=f"{_CRLQAS}; the encoding is OpenFermion's checksum_code(4, 0) on interleaved spins.",
    ),
    Recipe(
        key="h2-4",
        title="H2 at 0.70 angstrom",
        geometry="H 0 0 -0.35; H 0 0 0.35",
        origin=f"{_CRLQAS}.",
    ),
    Recipe(
        key="lih-4",
        title="LiH at 3.4 angstrom, 2 electrons in 3 sigma orbitals",
        geometry="Li 0 0 0; H 0 0 3.4",
        active_orbitals=(1, 2, 5),
        mapping="parity_reduced",
        origin=f"{_CRLQAS}; the core is frozen and the two pi orbitals are removed.",
    ),
    Recipe(
        key="lih-6",
        title="LiH at 2.2 angstrom, 2 electrons in 3 sigma orbitals",
        geometry="Li 0 0 0; H 0 0 2.2",
        active_orbitals=(1, 2, 5),
        origin=f"{_CRLQAS}; the core is frozen and the two pi orbitals are removed.",
    ),
    Recipe(
        key="h2o-8-bohr",
        title="squeezed H2O (published coordinates read as bohr), 4 electrons in 4 orbitals",
        geometry="H -0.021 -0.002 0; O 0.835 0.452 0; H 1.477 -0.273 0",
        unit="bohr",
        active_orbitals=(3, 4, 5, 6),
        origin=(
            f"{_CRLQAS}, which read coordinates that look like angstrom as bohr: the bonds are half as long "
            "as those of water. Only for comparison with that family of results; use h2o-8 for physics."
        ),
    ),
    Recipe(
        key="h2o-8",
        title="H2O near its equilibrium geometry, 4 electrons in 4 orbitals",
        geometry="O 0 0 0; H -0.757 0.586 0; H 0.757 0.586 0",
        active_orbitals=(3, 4, 5, 6),
        origin="Water as in later benchmarks of architecture search; not comparable with h2o-8-bohr.",
    ),
)


def build(recipe: Recipe) -> Problem:
    """Compute the problem of a recipe from scratch (needs the extra "chemistry").

    Args:
        recipe: one of `RECIPES`, or one of your own.

    Returns:
        The problem under the recipe's key and title, energies in Hartree.

    Raises:
        ProblemError: as `molecule_from_geometry` does.
    """
    problem = molecule_from_geometry(
        recipe.geometry,
        unit=recipe.unit,
        active_orbitals=recipe.active_orbitals,
        mapping=recipe.mapping,
        key=recipe.key,
    )
    return replace(problem, title=recipe.title, source=f"{problem.source} {recipe.origin}")
