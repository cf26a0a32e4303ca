"""Which electrons and molecular orbitals are treated exactly, and which are frozen or left out."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral

from qvar.simulators.errors import ProblemError

__all__ = ["ActiveSpace", "ElectronCount", "choose_active_space", "count_electrons"]


@dataclass(frozen=True)
class ElectronCount:
    """Numbers of electrons with spin up and spin down.

    Attributes:
        up: electrons with spin up.
        down: electrons with spin down, at most `up`.
    """

    up: int
    down: int

    @property
    def total(self) -> int:
        """All electrons."""
        return self.up + self.down


@dataclass(frozen=True)
class ActiveSpace:
    """Active orbitals, frozen core and the electrons that move.

    Molecular orbitals are counted from 0 in the order doubly occupied, singly occupied, empty, and by rising
    orbital energy within each group.

    Attributes:
        electrons: active electrons by spin.
        orbitals: indices of the active orbitals, rising.
        core: indices of the frozen, doubly occupied orbitals, rising.
    """

    electrons: ElectronCount
    orbitals: tuple[int, ...]
    core: tuple[int, ...]


def count_electrons(*, protons: int, charge: int, spin: int) -> ElectronCount:
    """Split the electrons of a molecule into spin up and spin down.

    Args:
        protons: sum of the nuclear charges.
        charge: total charge in elementary charges.
        spin: number of unpaired electrons, 2S.

    Raises:
        ProblemError: if charge or spin is no whole number, or does not go with the number of electrons.

    Example:
        >>> count_electrons(protons=3, charge=0, spin=1)
        ElectronCount(up=2, down=1)
    """
    charge, spin = _check_whole("charge", charge), _check_whole("spin", spin)
    total = protons - charge
    if total < 1:
        raise ProblemError(f"charge {charge} leaves {total} electrons of {protons}; at least one is needed")
    if not 0 <= spin <= total or (total - spin) % 2:
        allowed = ", ".join(str(s) for s in range(total % 2, min(total, 6) + 1, 2))
        raise ProblemError(
            f"{total} electrons (charge {charge}) cannot have spin={spin} unpaired electrons; spin counts "
            f"unpaired electrons (2S), so use one of {allowed}" + (", ..." if total > 6 else "")
        )
    return ElectronCount(up=(total + spin) // 2, down=(total - spin) // 2)


def choose_active_space(
    *,
    electrons: ElectronCount,
    n_orbitals: int,
    active_space: tuple[int, int] | None,
    active_orbitals: Sequence[int] | None,
) -> ActiveSpace:
    """Find the active orbitals and the frozen core.

    Args:
        electrons: all electrons of the molecule.
        n_orbitals: number of molecular orbitals, that is, of basis functions.
        active_space: (active electrons, active orbitals) around the gap; None for all, or as
            `active_orbitals` says.
        active_orbitals: 0-based indices of the active orbitals; None for those around the gap.

    Raises:
        ProblemError: if no such active space exists.

    Example:
        >>> water = ElectronCount(up=5, down=5)
        >>> choose_active_space(electrons=water, n_orbitals=7, active_space=(4, 4), active_orbitals=None)
        ActiveSpace(electrons=ElectronCount(up=2, down=2), orbitals=(3, 4, 5, 6), core=(0, 1, 2))
    """
    if electrons.up > n_orbitals:
        raise ProblemError(
            f"{electrons.up} electrons of one spin do not fit into the {n_orbitals} orbitals of this basis; "
            "use a larger basis or a lower spin"
        )
    wanted = None if active_space is None else _check_pair(active_space)
    if active_orbitals is not None:
        orbitals = _check_orbitals(active_orbitals, n_orbitals)
    elif wanted is not None:
        orbitals = _orbitals_at_gap(wanted, electrons, n_orbitals)
    else:
        orbitals = tuple(range(n_orbitals))
    active = ElectronCount(
        up=sum(orbital < electrons.up for orbital in orbitals),
        down=sum(orbital < electrons.down for orbital in orbitals),
    )
    _check_space(orbitals, active, electrons, wanted)
    core = tuple(orbital for orbital in range(electrons.down) if orbital not in orbitals)
    return ActiveSpace(active, orbitals, core)


def _orbitals_at_gap(wanted: tuple[int, int], electrons: ElectronCount, n_orbitals: int) -> tuple[int, ...]:
    n_electrons, size = wanted
    n_core, odd = divmod(electrons.total - n_electrons, 2)
    if n_electrons < 1 or n_core < 0 or odd or n_electrons > 2 * size or n_core > electrons.down:
        raise ProblemError(
            f"impossible active space of {n_electrons} electrons in {size} orbitals: the molecule has "
            f"{electrons.total} electrons, {electrons.up - electrons.down} of them unpaired; freeze an even "
            "number and keep the unpaired ones"
        )
    if n_core + size > n_orbitals:
        raise ProblemError(
            f"impossible active space: {n_core} frozen and {size} active orbitals are needed, this basis has "
            f"{n_orbitals}; ask for at most {n_orbitals - n_core} active orbitals"
        )
    return tuple(range(n_core, n_core + size))


def _check_space(
    orbitals: tuple[int, ...], active: ElectronCount, electrons: ElectronCount, wanted: tuple[int, int] | None
) -> None:
    if wanted is not None and wanted != (active.total, len(orbitals)):
        raise ProblemError(
            f"active_space {wanted} contradicts active_orbitals {orbitals}, which hold {active.total} "
            f"electrons in {len(orbitals)} orbitals; give one of the two, or equal ones"
        )
    if active.up - active.down != electrons.up - electrons.down:
        raise ProblemError(
            f"the active orbitals {orbitals} miss singly occupied ones; include orbitals "
            f"{list(range(electrons.down, electrons.up))}"
        )
    if active.total == 0 or active.down == len(orbitals):
        raise ProblemError(
            f"the active orbitals {orbitals} are all empty or all full, so nothing can move; include "
            f"occupied ones (0 to {electrons.up - 1}) and empty ones (from {electrons.down})"
        )


def _check_pair(active_space: object) -> tuple[int, int]:
    if not isinstance(active_space, Sequence) or isinstance(active_space, str) or len(active_space) != 2:
        raise ProblemError(f"active_space is a pair (electrons, orbitals) such as (4, 4), got {active_space!r}")
    n_electrons, size = active_space
    return _check_whole("number of active electrons", n_electrons), _check_whole("number of active orbitals", size)


def _check_orbitals(active_orbitals: object, n_orbitals: int) -> tuple[int, ...]:
    if isinstance(active_orbitals, str) or not isinstance(active_orbitals, Iterable):
        raise ProblemError(f"active_orbitals is a list of 0-based indices such as [1, 2, 5], got {active_orbitals!r}")
    orbitals = tuple(sorted(_check_whole("index of an active orbital", orbital) for orbital in active_orbitals))
    if not orbitals or len(set(orbitals)) != len(orbitals) or orbitals[0] < 0 or orbitals[-1] >= n_orbitals:
        raise ProblemError(
            f"impossible active orbitals {list(orbitals)}: they must be different indices in "
            f"0..{n_orbitals - 1}, counted from 0"
        )
    return orbitals


def _check_whole(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise ProblemError(f"{name} must be a whole number, got {value!r}")
    return int(value)
