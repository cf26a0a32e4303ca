"""A geometry is a list of atoms with positions; this module reads it and refuses impossible ones."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from qvar.simulators.errors import ProblemError

__all__ = ["Geometry", "parse_geometry"]

_BOHR_IN_ANGSTROM = 0.529177210903  # CODATA 2018
_SHORTEST_ANGSTROM = 0.1
_UNITS = ("angstrom", "bohr")
_PERIODIC_TABLE = (
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr "
    "Rb Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu "
    "Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr "
    "Rf Db Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og"
)
_SYMBOLS = tuple(_PERIODIC_TABLE.split())
_EXAMPLE = "'H 0 0 0; H 0 0 0.74' or [('H', (0, 0, 0)), ('H', (0, 0, 0.74))]"


@dataclass(frozen=True)
class Geometry:
    """Atoms in space, checked.

    Attributes:
        symbols: element symbols, one per atom.
        positions: Cartesian coordinates (x, y, z), one triple per atom, in `unit`.
        unit: "angstrom" or "bohr".
    """

    symbols: tuple[str, ...]
    positions: tuple[tuple[float, float, float], ...]
    unit: str

    @property
    def protons(self) -> int:
        """Sum of the nuclear charges."""
        return sum(_SYMBOLS.index(symbol) + 1 for symbol in self.symbols)

    @property
    def formula(self) -> str:
        """Chemical formula in the order the elements appear, such as "H2O"."""
        counts = {symbol: self.symbols.count(symbol) for symbol in self.symbols}
        return "".join(f"{symbol}{count if count > 1 else ''}" for symbol, count in counts.items())

    @property
    def text(self) -> str:
        """The geometry as "H 0.0 0.0 0.0; H 0.0 0.0 0.74", digits exact."""
        rows = zip(self.symbols, self.positions, strict=True)
        return "; ".join(f"{symbol} {x!r} {y!r} {z!r}" for symbol, (x, y, z) in rows)


def parse_geometry(geometry: str | Sequence[tuple[str, Sequence[float]]], *, unit: str) -> Geometry:
    """Read a geometry from text or from pairs of symbol and position.

    Args:
        geometry: atoms separated by ";" or line ends, each "symbol x y z", or a sequence of
            (symbol, (x, y, z)).
        unit: "angstrom" or "bohr".

    Returns:
        The checked geometry.

    Raises:
        ProblemError: for an unknown unit or element, an atom that cannot be read, or two atoms closer than
            0.1 angstrom.

    Example:
        >>> parse_geometry("Li 0 0 0; H 0 0 1.6", unit="angstrom").formula
        'LiH'
    """
    if unit not in _UNITS:
        raise ProblemError(f"unknown unit {unit!r} of length; use 'angstrom' or 'bohr'")
    rows = _split_text(geometry) if isinstance(geometry, str) else _split_pairs(geometry)
    if not rows:
        raise ProblemError(f"the geometry holds no atom; write it as {_EXAMPLE}")
    symbols = tuple(_check_symbol(symbol) for symbol, _ in rows)
    positions = tuple(_check_position(number, values) for number, (_, values) in enumerate(rows))
    result = Geometry(symbols, positions, unit)
    _check_distances(result)
    return result


def _split_text(text: str) -> list[tuple[object, Sequence[object]]]:
    lines = [line.replace(",", " ").split() for line in text.replace("\n", ";").split(";")]
    return [(line[0], line[1:]) for line in lines if line]


def _split_pairs(pairs: Sequence[tuple[str, Sequence[float]]]) -> list[tuple[object, Sequence[object]]]:
    try:
        return [(symbol, tuple(position)) for symbol, position in pairs]
    except (TypeError, ValueError) as error:
        raise ProblemError(f"the geometry {pairs!r} cannot be read; write it as {_EXAMPLE}") from error


def _check_symbol(symbol: object) -> str:
    name = symbol.capitalize() if isinstance(symbol, str) else ""
    if name in _SYMBOLS:
        return name
    raise ProblemError(f"unknown element {symbol!r}: an atom is a symbol and x y z, as in {_EXAMPLE}")


def _check_position(number: int, values: Sequence[object]) -> tuple[float, float, float]:
    try:
        x, y, z = (float(value) for value in values)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        x = y = z = math.nan
    if not all(map(math.isfinite, (x, y, z))):
        raise ProblemError(
            f"atom {number} needs three finite coordinates x y z, got {list(values)!r}; write a geometry as {_EXAMPLE}"
        )
    return x, y, z


def _check_distances(geometry: Geometry) -> None:
    scale = _BOHR_IN_ANGSTROM if geometry.unit == "bohr" else 1.0
    for second, there in enumerate(geometry.positions):
        for first, here in enumerate(geometry.positions[:second]):
            distance = scale * math.dist(here, there)
            if distance < _SHORTEST_ANGSTROM:
                raise ProblemError(
                    f"atoms {first} ({geometry.symbols[first]}) and {second} ({geometry.symbols[second]}) "
                    f"coincide: they are {distance:.4g} angstrom apart, at least {_SHORTEST_ANGSTROM} is "
                    f"needed; check the coordinates and their unit ({geometry.unit})"
                )
