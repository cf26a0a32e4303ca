"""The objective of the Aer engine: exact values and samples of many circuits and points in as few jobs as possible."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from qiskit import QuantumCircuit
from qiskit.circuit.library import HGate, SdgGate

from qvar.simulators.circuit import Circuit
from qvar.simulators.engine import check_batch
from qvar.simulators.measurement.allocation import (
    ShotBudget,
    Shots,
    check_estimable,
    check_generator,
    check_shots,
    shots_in_total,
)
from qvar.simulators.measurement.estimation import Estimate, exact_error, sample, shot_numbers
from qvar.simulators.measurement.grouping import PauliGroups
from qvar.simulators.measurement.parameter_shift import ParameterShift
from qvar.simulators.observable import Observable
from qvar.simulators.readout import measured_observable

if TYPE_CHECKING:
    from qvar.simulators.aer.engine import AerSimulator

__all__ = ["AerObjective", "exact_values", "sampled_values"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class AerObjective:
    """The expectation value of one observable in one circuit by Aer (see `qvar.simulators.engine.Objective`)."""

    def __init__(
        self,
        engine: "AerSimulator",
        circuit: Circuit,
        observable: Observable,
        *,
        shots: Shots | None = None,
        rng: np.random.Generator | None = None,
    ) -> None:
        self.engine = engine
        self.circuit = circuit
        self.observable = observable
        self.shots = None if shots is None else check_shots(shots)
        self.rng = rng
        self.n_parameters = circuit.n_parameters
        engine.check_gates(circuit)
        if isinstance(self.shots, ShotBudget):
            self.shots.check_groups(self.groups.n_groups)

    @property
    def shots_per_evaluation(self) -> int:
        """Shots of one energy over all measured circuits, 0 when exact."""
        return 0 if self.shots is None else shots_in_total(self.shots, self.groups.n_groups)

    @property
    def evaluations_per_gradient(self) -> int:
        """Energies that one gradient costs by parameter shift, value included."""
        return 2 * self._shift.n_occurrences + 1

    @cached_property
    def _shift(self) -> ParameterShift:
        return ParameterShift(self.circuit)

    @cached_property
    def groups(self) -> PauliGroups:
        """How the observable is measured."""
        return PauliGroups.of(self.observable)

    @property
    def weights(self) -> Floats:
        """Sum of the absolute coefficients of each group, shape (n_groups,)."""
        return self.groups.weights

    @property
    def constant(self) -> float:
        """Coefficient of the identity, known without measuring."""
        return self.observable.identity_coefficient

    def __call__(self, theta: ArrayLike) -> float:
        """Return the energy at `theta`, shape (n_parameters,), radians."""
        return float(self.batch(self.circuit.check_parameters(theta)[None, :])[0])

    def value_and_gradient(self, theta: ArrayLike) -> tuple[float, Floats]:
        """Return the energy and its gradient per radian by parameter shift."""
        shifted = AerObjective(self.engine, self._shift.circuit, self.observable, shots=self.shots, rng=self.rng)
        return self(theta), self._shift.gradient(theta, shifted.batch)

    def batch(self, thetas: ArrayLike) -> Floats:
        """Return the energies for `thetas` of shape (n_points, n_parameters) from one job."""
        values = check_batch(thetas, self.n_parameters)
        return (exact_values if self.shots is None else sampled_values)([(self, values)])[0]

    def with_shots(self, shots: Shots, rng: np.random.Generator) -> "AerObjective":
        """Return the objective sampled by Aer with `shots` per measured circuit or per energy, seeded from `rng`."""
        number, generator = check_shots(shots), check_generator(rng)
        return AerObjective(self.engine, self.circuit, self.observable, shots=number, rng=generator)

    def estimate(self, theta: ArrayLike) -> Estimate:
        """Return one estimate of the energy with its standard error, from the same shots.

        Raises:
            EngineError: for an exact objective, or one shot per circuit, from which no error can be estimated.
        """
        shots = check_estimable(self.shots)
        energies, variances = sample(self, self.circuit.check_parameters(theta)[None, :], shots)
        return Estimate(float(energies[0]), float(np.sqrt(variances[0])), self.shots_per_evaluation)

    def exact_standard_error(self, theta: ArrayLike) -> float:
        """Return the exact standard error of an estimate at `theta`, without drawing any shots.

        Raises:
            EngineError: where the method has no exact values, or for a budget with a pilot.
        """
        shots = check_estimable(self.shots, least=1)
        return float(exact_error(self, self.circuit.check_parameters(theta)[None, :], shots)[0])

    def draw(self, thetas: Floats, shots: Integers) -> tuple[Floats, Floats]:
        """Return means and variances of sampled outcomes (see `measurement.estimation.GroupSampler`)."""
        return _draw([(self, thetas, shots)])[0]

    def deviations(self, thetas: Floats) -> Floats:
        """Return the exact standard deviation of one shot of each group, shape (n_points, n_groups)."""
        pairs = [part for pair in self.groups.parts() for part in pair]
        moments = _exact(self.engine, [(self.circuit, pairs, thetas)])[0].reshape(len(thetas), -1, 2)
        return np.asarray(np.sqrt(np.maximum(moments[:, :, 1] - moments[:, :, 0] ** 2, 0.0)))


def exact_values(points: Sequence[tuple[AerObjective, Floats]]) -> list[Floats]:
    """Return the exact energies of several objectives of one engine from one job, each of shape (n_points,)."""
    if not points:
        return []
    tasks = [(objective.circuit, [objective.observable], thetas) for objective, thetas in points]
    return [values[:, 0] for values in _exact(points[0][0].engine, tasks)]


def sampled_values(points: Sequence[tuple[AerObjective, Floats]]) -> list[Floats]:
    """Return one estimate per point for several objectives of one engine, as far as possible from one job."""
    if not points:
        return []
    shots = points[0][0].shots
    assert shots is not None
    if isinstance(shots, ShotBudget) and shots.allocation.pilot > 0:
        return [sample(objective, thetas, shots)[0] for objective, thetas in points]
    drawn = _draw([(objective, thetas, shot_numbers(objective, thetas, shots)) for objective, thetas in points])
    return [o.constant + means.sum(axis=1) for (o, _), (means, _) in zip(points, drawn, strict=True)]


def _exact(engine: "AerSimulator", tasks: Sequence[tuple[Circuit, list[Observable], Floats]]) -> list[Floats]:
    """Return exact values from one job: for each task an array of shape (n_points, n_observables)."""
    runs: list[tuple[QuantumCircuit, Floats]] = []
    different = []  # how many points of each task differ: without parameters all are the same one
    for circuit, observables, thetas in tasks:
        engine.check_exact(circuit)
        different.append(len(thetas) if circuit.n_parameters else min(1, len(thetas)))
        measured = [measured_observable(observable, engine.noise).to_qiskit() for observable in observables]
        for translated, rows in engine.translate(circuit, thetas[: different[-1]]) if len(thetas) else []:
            for k, operator in enumerate(measured):
                translated.save_expectation_value(operator, range(circuit.n_qubits), label=f"value_{k}")
            runs.append((translated, rows))
    data = iter(engine.run(runs, [circuit for circuit, _, _ in tasks]))
    results: list[Floats] = []
    for (_, observables, thetas), n_different in zip(tasks, different, strict=True):
        values = np.zeros((len(thetas), len(observables)))
        for row in values[:n_different]:
            entry = next(data)
            row[:] = [entry[f"value_{k}"] for k in range(len(observables))]
        values[n_different:] = values[:n_different][-1:]
        results.append(values)
    return results


def _draw(tasks: Sequence[tuple[AerObjective, Floats, Integers]]) -> list[tuple[Floats, Floats]]:
    """Measure every group of every point of every task, with one job for each number of shots.

    Args:
        tasks: objectives with points and shots, of shape (n_points, n_parameters) and (n_points, n_groups).

    Returns:
        For each task, means and variances of the outcomes of shape (n_points, n_groups).
    """
    results = [(np.zeros(shots.shape), np.full(shots.shape, np.nan)) for _, _, shots in tasks]
    for number in np.unique(np.concatenate([shots.ravel() for _, _, shots in tasks])):
        _draw_equally(tasks, int(number), results)
    return results


def _draw_equally(
    tasks: Sequence[tuple[AerObjective, Floats, Integers]], number: int, results: list[tuple[Floats, Floats]]
) -> None:
    """Run the measurements that take `number` shots in one job, and write what they give into `results`."""
    runs, targets = [], []
    for k, (objective, thetas, shots) in enumerate(tasks):
        for group in range(objective.groups.n_groups):
            rows = np.flatnonzero(shots[:, group] == number)
            runs += _measurements(objective, thetas[rows], group)
            targets += [(k, int(row), group) for row in rows]
    objective = tasks[0][0]
    assert objective.rng is not None
    circuits = [objective.circuit for objective, _, _ in tasks]
    seed = int(objective.rng.integers(2**31))
    data = objective.engine.run(runs, circuits, shots=number, seed=seed)
    for (k, row, group), entry in zip(targets, data, strict=True):
        means, spread = results[k]
        means[row, group], spread[row, group] = _moments(tasks[k][0].groups, group, entry["counts"])


def _measurements(objective: AerObjective, thetas: Floats, group: int) -> list[tuple[QuantumCircuit, Floats]]:
    """Return circuits that measure a group at every row of `thetas`."""
    if len(thetas) == 0:
        return []
    runs = []
    for circuit, rows in objective.engine.translate(objective.circuit, thetas):
        # Aer looks noise up by label: labelled basis changes stay noiseless, as in the exact value.
        for qubit, letter in enumerate(objective.groups.bases[group]):
            if letter == 2:
                circuit.append(SdgGate(label="to Z"), [qubit])
            if letter in (1, 2):
                circuit.append(HGate(label="to Z"), [qubit])
        circuit.measure_all()
        # Aer derives a seed for every circuit and point; without parameters there is nothing to bind, so copies differ.
        runs += [(circuit, rows)] if circuit.num_parameters else [(circuit, rows[:1])] * len(rows)
    return runs


def _moments(groups: PauliGroups, group: int, counts: dict[str, Any]) -> tuple[float, float]:
    """Return mean and variance of the outcomes, nan for the variance of one shot."""
    n_qubits = groups.observable.n_qubits
    size = (n_qubits + 7) // 8
    packed = b"".join(int(outcome, 16).to_bytes(size, "little") for outcome in counts)
    bits = np.unpackbits(np.frombuffer(packed, dtype=np.uint8).reshape(-1, size), axis=1, bitorder="little")
    values, numbers = groups.outcome_values(group, bits[:, :n_qubits]), np.array(list(counts.values()))
    mean, total = np.average(values, weights=numbers), numbers.sum()
    variance = (numbers * (values - mean) ** 2).sum() / (total - 1) if total > 1 else np.nan
    return float(mean), float(variance)
