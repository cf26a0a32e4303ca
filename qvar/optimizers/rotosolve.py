"""Rotosolve: jump to the exact minimum of one angle after the other; needs no gradient and no step length."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import index
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.optimizers.loops import Problem, exact_program, run_loop
from qvar.optimizers.result import CountedObjective, Minimum, check_start
from qvar.simulators import Objective, Slot
from qvar.simulators.errors import OptimizerError
from qvar.simulators.exact import CompiledProgram
from qvar.simulators.kernels import compiled, layout, workspace

__all__ = ["Rotations", "Rotosolve", "compiled_sweeps", "find_rotations", "rotosolve_sweep"]

Vector = NDArray[np.float64]
FLAT = 1e-14
"""An amplitude below this, energy unit, leaves the angle where it is."""
ROUNDING = 32 * 2.0**-52
"""So does one that rounding of the two energies may feign, relative to their size."""

_QUALIFIED = frozenset({"rx", "ry", "rz", "p", "u", "rxx", "ryy", "rzz"})
_MISFIT = 1e-6


class Rotations(NamedTuple):
    """The angles in the order of a sweep: gate angle = scale * theta[slot] + shift, one entry per slot."""

    slots: NDArray[np.int64]
    scales: Vector
    shifts: Vector


@dataclass(frozen=True)
class Rotosolve:
    """Minimize by exact coordinate steps.

    With all other angles fixed, the energy is E(t) = a + b cos t + c sin t in the angle t of any rotation whose
    generator has two eigenvalues, noise and read-out error included. Its minimum a - hypot(b, c) lies at
    t = atan2(-c, -b). A sweep takes the rotations in the order of the gates (of `u` in the order in which its three
    rotations act: lambda, theta, phi), unless `order` says otherwise.

    Exact objectives of `PauliTransferSimulator` need no energies for that: a pass backwards and one forwards give b and
    c of one angle after the other, and all sweeps are one compiled call (unless there is an `order`, or an energy takes
    so long that nothing would be gained, see `qvar.optimizers.loops`). Such a sweep takes the angles cluster by cluster
    of qubits instead of gate by gate, and skips those that the observable cannot depend on. Its cost: the start point
    counts as one energy, each sweep as one gradient by reverse sweep. It takes about as long as one (measured: half as
    long on 2 qubits, a third longer on 8; 1.5 to 4 energies), however many angles there are.

    Cost elsewhere, state vectors included, where what comes after an angle depends on the state before it: the start
    point is evaluated once; every sweep costs 2 P + 1 energies for P angles. An angle costs
    two, at t + pi/2 and t - pi/2; the third value, at t itself, is the minimum that the angle before it has promised.
    The last energy of a sweep is a fresh one at its final angles: it ends rounding drift, decides about convergence,
    and starts the next sweep. With shots a promised minimum is too low on average, because the noise of b and c can
    only add to hypot(b, c); three fresh values for every angle were tried and do no better at equal cost.

    Args:
        max_sweeps: sweeps allowed, at least 1.
        tolerance: stop when a sweep lowers the energy by less than this. With shots, where that would be a matter of
            luck, all sweeps are made.
        order: slots in the order in which a sweep takes them; those that are missing stay where they are. None for the
            order of the gates, or in a compiled call the one described above.

    Source: Nakanishi, Fujii and Todo, arXiv 1903.12166; Ostaszewski, Grant and Benedetti, arXiv 1905.09692.
    Differs from the source:
    - scaled and shifted angles are allowed, shared ones are refused;
    - an angle without influence stays where it is;
    - exact sweeps by a pass backwards and forwards, in another order of the angles.
    """

    calls_per_step: ClassVar[int | None] = None

    max_sweeps: int = 100
    tolerance: float = 1e-8
    order: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.order is not None:
            object.__setattr__(self, "order", _check_order(self.order))
        if self.max_sweeps < 1 or not self.tolerance > 0:
            raise OptimizerError(f"Rotosolve needs max_sweeps >= 1 and tolerance > 0, got {self}")

    def minimize(self, objective: Objective, start: ArrayLike, rng: np.random.Generator) -> Minimum:  # noqa: ARG002
        """Minimize `objective` from the angles `start`; `rng` is not used.

        An objective with a `circuit` is checked before anything is evaluated. One without is taken to have one
        unscaled rotation per angle, in the order of the angles; if its values are exact, the end of the first sweep
        shows whether that is so.

        Returns:
            The angles after the last sweep, with the fresh energy at its end.

        Raises:
            OptimizerError: if an angle serves several gates or none of the rotations named above, or is scaled by 0;
                or if the values are not sinusoidal in every angle.
        """
        x = check_start(objective, start)
        counted = CountedObjective(objective)
        rotations = find_rotations(getattr(objective, "circuit", None), len(x), self.order)
        program = exact_program(objective, self.max_sweeps + 1) if len(x) and self.order is None else None
        if program is not None and program.picture == "pauli_transfer":
            return self._compiled(counted, program, x)
        is_exact = objective.shots_per_evaluation == 0
        value, converged = counted.value(x), len(x) == 0
        for _ in range(self.max_sweeps if len(x) else 0):
            x, promised = run_loop(rotosolve_sweep, counted, x, value, *rotations, calls=2 * len(rotations.slots))
            before, value = value, counted.value(x)
            if is_exact and abs(value - promised) > _MISFIT * max(1.0, abs(value)):
                raise OptimizerError(
                    f"Rotosolve needs an energy a + b cos t + c sin t in every angle; a sweep should have reached "
                    f"{promised}, got {value}. Use another optimizer"
                )
            converged = is_exact and before - value < self.tolerance
            if converged:
                break
        return counted.minimum(x, value, converged=converged)

    def _compiled(self, counted: CountedObjective, program: CompiledProgram, x: Vector) -> Minimum:
        x, values, _ = compiled_sweeps(program, x, self.max_sweeps, self.tolerance)
        counted.absorb(values[:1], np.append(values[0], x), gradients=False)
        counted.absorb(values[1:], np.append(values[-1], x), gradients=True)
        converged = bool(values[-2] - values[-1] < self.tolerance)
        return counted.minimum(x, float(values[-1]), converged=converged)


def compiled_sweeps(
    program: CompiledProgram, x: Vector, max_sweeps: int, tolerance: float
) -> tuple[Vector, Vector, NDArray[np.int64]]:
    """Sweep until a sweep lowers the energy by less than `tolerance`, all in one compiled call.

    Args:
        program: the exact objective's, of `PauliTransferSimulator`; every slot drives one rotation, scaled by no 0.
        x: start, shape (n_parameters,), radians; left alone.
        max_sweeps: sweeps allowed, at least 1.
        tolerance: energy unit.

    Returns:
        The angles; the energy of the start and after each sweep; the slots in the order in which a sweep took them.
    """
    ints = program.arguments[0]
    numbers = ints[layout.SCRATCH] + 2 * ints[layout.STATE_SIZE] + ints[layout.KEPT_SIZE]
    x, values, order = x.copy(), np.empty(max_sweeps + 1), np.full(len(x), -1, dtype=np.int64)
    sweep = compiled("rotosolve", "rotosolve")
    done = sweep(*program.arguments, x, workspace(int(numbers)), max_sweeps, float(tolerance), values, order)
    return x, values[: done + 1], order[order >= 0]


def rotosolve_sweep(
    value: Callable[[Problem, Vector], float],
    problem: Problem,
    x: Vector,
    current: float,
    slots: NDArray[np.int64],
    scales: Vector,
    shifts: Vector,
) -> tuple[Vector, float]:
    """Minimize every angle once, in order; return the angles and the energy they promise.

    Args:
        value: the energy of `problem` at angles of shape (n_parameters,).
        problem: what `value` takes (see `qvar.optimizers.loops`).
        x: angles, shape (n_parameters,), radians; left alone.
        current: the energy at `x`.
        slots: the order.
        scales: how slots enter the gates, as in `Rotations`.
        shifts: likewise.
    """
    x = x.copy()
    for k in range(len(slots)):
        slot, scale, shift = slots[k], scales[k], shifts[k]
        here = x[slot]
        x[slot] = here + np.pi / 2 / scale
        up = value(problem, x)
        x[slot] = here - np.pi / 2 / scale
        down = value(problem, x)
        angle, a = scale * here + shift, (up + down) / 2
        along, across = current - a, (up - down) / 2  # cosine and sine about the present angle
        b = along * np.cos(angle) - across * np.sin(angle)
        c = along * np.sin(angle) + across * np.cos(angle)
        amplitude = np.hypot(b, c)
        if amplitude < FLAT + ROUNDING * (abs(up) + abs(down)):
            x[slot] = here
        else:
            x[slot], current = (np.arctan2(-c, -b) - shift) / scale, float(a - amplitude)
    return x, current


def find_rotations(circuit: Any, n_parameters: int, order: Sequence[int] | None = None) -> Rotations:
    """Return slots, scales and shifts in the order of the gates, or in `order`.

    Args:
        circuit: a `qvar.simulators.Circuit`, or None for plain angles in their own order.
        n_parameters: number of slots.
        order: the slots wanted, in their order; None for all of them.

    Raises:
        OptimizerError: if a slot serves several gates, is scaled by 0, or enters a gate of another kind; or if `order`
            names one that no gate uses.
    """
    found = _find_slots(circuit, n_parameters)
    unknown = set(order or ()) - set(found)
    if unknown:
        raise OptimizerError(f"the order of a Rotosolve sweep names slots without a gate: {sorted(unknown)}")
    slots = [found[slot] for slot in (found if order is None else order)]
    return Rotations(
        np.array([slot.index for slot in slots], dtype=np.int64),
        np.array([slot.scale for slot in slots], dtype=np.float64),
        np.array([slot.shift for slot in slots], dtype=np.float64),
    )


def _find_slots(circuit: Any, n_parameters: int) -> dict[int, Slot]:
    """Return the slots by their index, in the order of the gates."""
    if circuit is None:
        return {k: Slot(k) for k in range(n_parameters)}
    found: dict[int, Slot] = {}
    for operation in circuit.operations:
        angles = operation.parameters
        for parameter in (angles[2], angles[0], angles[1]) if operation.gate == "u" else angles:
            if isinstance(parameter, Slot):
                _check_slot(parameter, operation, found)
                found[parameter.index] = parameter
    return found


def _check_order(order: Sequence[int]) -> tuple[int, ...]:
    try:
        slots = tuple(index(slot) for slot in order)
    except TypeError:
        slots = (-1,)
    if len(set(slots)) < len(slots) or min(slots, default=0) < 0:
        raise OptimizerError(f"Rotosolve needs an order of different slots, whole numbers from 0 on, got {order!r}")
    return slots


def _check_slot(slot: Slot, operation: Any, found: dict[int, Slot]) -> None:
    where = f"angle {slot.index} of gate {operation.gate!r} on qubit(s) {operation.qubits}"
    if operation.gate not in _QUALIFIED:
        raise OptimizerError(
            f"Rotosolve needs rotations whose generators have two eigenvalues ({', '.join(sorted(_QUALIFIED))}), got "
            f"{where}; decompose that gate, or use another optimizer"
        )
    if slot.index in found:
        raise OptimizerError(
            f"Rotosolve needs an angle of its own for every rotation, got {where}, which an earlier gate uses too; "
            "give each gate its own slot, or use another optimizer"
        )
    if slot.scale == 0:
        raise OptimizerError(f"Rotosolve needs scales other than 0, got {where}; fix that angle instead")
