"""Searches of a second: small networks, short circuits, and an engine that counts what is asked of it."""

import json
from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import numpy as np
import pytest

from qvar.agents import DoubleDQN
from qvar.envs import MovingThreshold, NegativeBinomialHalting
from qvar.optimizers import LBFGS, AdamSPSA
from qvar.problems import molecule
from qvar.search import SearchConfiguration
from qvar.simulators import NoiseModel, PauliTransferSimulator, StatevectorSimulator

AGENT = DoubleDQN(
    hidden=(16,),
    batch_size=8,
    buffer_size=40,
    learning_starts=10,
    target_every=7,
    epsilon_end=0.2,
    epsilon_decay=0.97,
    epsilon_share=None,
)


@pytest.fixture(scope="session")
def exact_search():
    """Hydrogen on two qubits without noise; a threshold that no episode meets, so that all have four gates."""
    return SearchConfiguration(
        molecule("h2-2"),
        StatevectorSimulator(),
        algorithm=AGENT,
        optimizer=LBFGS(max_iterations=10),
        curriculum=MovingThreshold(0.15, delta=1e-4),
        episodes=12,
        max_gates=4,
        evaluate_every=5,
        seed=3,
    )


@pytest.fixture(scope="session")
def noisy_search(exact_search):
    """Every source of chance at once: noise, shots, SPSA, halting, exploration, replay; and a moving threshold."""
    return replace(
        exact_search,
        engine=PauliTransferSimulator(NoiseModel.named("ourense")),
        optimizer=AdamSPSA(max_evaluations=20),
        curriculum=MovingThreshold(0.97, shift_every=15, successes=2),
        halting=NegativeBinomialHalting(),
        shots=50,
    )


@pytest.fixture
def without_seconds():
    """Return records without the wall-clock time, the one entry that may differ between equal runs."""

    def strip(records):
        assert all("seconds" in record for record in records)
        others = ("seconds", "sha256", "check")  # checksums of it all
        return [{name: value for name, value in record.items() if name not in others} for record in records]

    return strip


@pytest.fixture
def read_run(without_seconds):
    """Return what a finished run folder says, wall-clock times aside."""

    def read(folder):
        lines = (folder / "metrics.jsonl").read_text().splitlines()
        result = json.loads((folder / "result.json").read_text())
        return SimpleNamespace(
            metrics=without_seconds([json.loads(line) for line in lines]),
            result=without_seconds([result])[0],
            qasm=(folder / "best.qasm").read_bytes(),
            files=sorted(p.name for p in folder.iterdir()),
        )

    return read


@pytest.fixture
def file_contents():
    """Return every file below a folder with its bytes."""

    def read(folder):
        return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}

    return read


@dataclass
class Count:
    evaluations: int = 0
    gradients: int = 0
    shots: int = 0


@dataclass
class CountingObjective:
    inner: object
    count: Count

    @property
    def n_parameters(self):
        return self.inner.n_parameters

    @property
    def shots_per_evaluation(self):
        return self.inner.shots_per_evaluation

    @property
    def evaluations_per_gradient(self):
        return self.inner.evaluations_per_gradient

    def __call__(self, theta):
        self.count.evaluations += 1
        self.count.shots += self.inner.shots_per_evaluation
        return self.inner(theta)

    def value_and_gradient(self, theta):
        energies = self.inner.evaluations_per_gradient
        if energies > 1:  # parameter shift: energies, not a sweep
            self.count.evaluations += energies
        else:
            self.count.gradients += 1
        self.count.shots += self.inner.shots_per_evaluation * self.inner.evaluations_per_gradient
        return self.inner.value_and_gradient(theta)

    def batch(self, thetas):
        return np.array([self(theta) for theta in thetas])

    def with_shots(self, shots, rng):
        return CountingObjective(self.inner.with_shots(shots, rng), self.count)


@dataclass
class CountingEngine:
    """Passes everything on and counts energies, gradients and shots."""

    inner: object
    count: Count = field(default_factory=Count)

    @property
    def name(self):
        return self.inner.name

    @property
    def noise(self):
        return self.inner.noise

    def objective(self, circuit, observable):
        return CountingObjective(self.inner.objective(circuit, observable), self.count)


@pytest.fixture
def counting_engine():
    return CountingEngine
