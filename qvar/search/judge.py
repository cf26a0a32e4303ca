"""Which of two circuits a search prefers: by energy, and by what its gates are worth."""

import math
from dataclasses import dataclass
from typing import Literal, get_args

from qvar.simulators import Circuit
from qvar.simulators.errors import RunError

__all__ = ["Judge"]

Yardstick = Literal["measured", "noiseless"]


@dataclass(frozen=True)
class Judge:
    """How a search values a circuit: energy + cnot_price * CNOTs + rotation_price * rotations, the lower the better.

    Args:
        by: "measured" takes the energy as the engine and its shots estimate it, all that a device can tell.
            "noiseless" takes the energy without noise at the angles found *with* noise, one more energy per circuit; as
            published noisy searches rank their circuits. Where gates are so noisy that the empty circuit has the lowest
            measured energy, only the second finds a circuit that prepares the ground state.
        cnot_price: what a CNOT less is worth, in the problem's unit of energy.
        rotation_price: what a rotation less is worth.

    Raises:
        RunError: for another `by`, or prices that are negative or not finite.
    """

    by: Yardstick = "measured"
    cnot_price: float = 0.0
    rotation_price: float = 0.0

    def __post_init__(self) -> None:
        if self.by not in get_args(Yardstick):
            raise RunError(f"circuits are judged by {' or '.join(get_args(Yardstick))}, got {self.by!r}")
        for name in ("cnot_price", "rotation_price"):
            price = getattr(self, name)
            if not (math.isfinite(price) and price >= 0):
                raise RunError(f"{name} must be a number >= 0 in the problem's unit of energy, got {price!r}")

    def price(self, circuit: Circuit) -> float:
        """Return what the gates of a circuit cost, in the problem's unit."""
        return self.cnot_price * circuit.n_two_qubit_gates + self.rotation_price * circuit.n_rotations
