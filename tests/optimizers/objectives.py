"""Small objectives with known minima, and wrappers that keep count independently of the optimizers."""

import numpy as np

from qvar.simulators import Circuit, NoiseModel, Observable, Operation, PauliTransferSimulator, Slot

NOISE = NoiseModel.from_numbers(p1=1e-2, p2=3e-2, readout=0.02)


def ry(slot, *, scale=1.0, shift=0.0):
    return Operation("ry", (0,), (Slot(slot, scale, shift),))


ONE_ANGLE = Circuit(1, (ry(0),))  # <Z> = cos(theta)
CHAIN = Circuit(
    2,
    (
        Operation("ry", (0,), (Slot(0),)),
        Operation("cx", (0, 1)),
        Operation("ry", (0,), (Slot(1),)),
        Operation("ry", (1,), (Slot(2),)),
        Operation("rz", (1,), (Slot(3),)),
    ),
)
Z = Observable.from_terms({"Z": 1.0})
ISING = Observable.from_terms({"ZZ": -1.0, "XI": -0.5, "IX": -0.5, "II": 0.2})


def exact(circuit=CHAIN, observable=ISING, noise=None):
    return PauliTransferSimulator(noise).objective(circuit, observable)


class Recording:
    """Forward to an objective and remember every call."""

    def __init__(self, objective):
        self.objective, self.points, self.values, self.gradients = objective, [], [], 0

    def __getattr__(self, name):
        return getattr(self.objective, name)

    def __call__(self, theta):
        self.points.append(np.array(theta))
        self.values.append(self.objective(theta))
        return self.values[-1]

    def value_and_gradient(self, theta):
        self.gradients += 1
        value, gradient = self.objective.value_and_gradient(theta)
        self.values.append(value)
        return value, gradient


class CountingGenerator:
    """A generator that counts the shots really drawn from it."""

    def __init__(self, seed):
        self.rng, self.shots = np.random.default_rng(seed), 0

    def multinomial(self, shots, probabilities):
        self.shots += shots * len(probabilities)
        return self.rng.multinomial(shots, probabilities)


class PureNoise:
    """A constant with Gaussian noise of standard deviation 1: nothing can be gained."""

    shots_per_evaluation, evaluations_per_gradient = 1, 5

    def __init__(self, seed, n_parameters=2):
        self.rng, self.n_parameters = np.random.default_rng(seed), n_parameters

    def __call__(self, theta):
        return float(self.rng.normal())
