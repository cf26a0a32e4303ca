"""Memory is asked for before it is taken, signals end commands as they should, records do not depend on the machine.

The campaigns beside this file run here at a small scale, each with its negative control.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from qvar.agents.replay import ReplayBuffer
from qvar.classify import QuantumKernelClassifier
from qvar.latent.generation import generate_pool
from qvar.latent.space import CircuitSpace
from qvar.simulators import (
    AerSimulator,
    Circuit,
    NoiseModel,
    Observable,
    PauliTransferSimulator,
    PennyLaneSimulator,
    StatevectorSimulator,
    memory,
)
from qvar.simulators.errors import EngineError, QvarError

HERE = Path(__file__).parent


def campaign(name, *options):
    line = [sys.executable, str(HERE / f"{name}.py"), *options]
    environment = os.environ | {"PYTHONPATH": str(HERE.parents[1]), "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(line, capture_output=True, text=True, check=False, cwd=HERE.parents[1], env=environment)


@pytest.fixture
def short_of_memory(monkeypatch):
    monkeypatch.setattr(memory, "_WORTH_ASKING", 1)
    monkeypatch.setattr(memory, "available_bytes", lambda: 2**20)


def test_sixteen_noisy_qubits_say_what_they_would_take_what_there_is_and_what_to_do():
    engine = PauliTransferSimulator(NoiseModel.named("mumbai-median"))
    with pytest.raises(EngineError, match=r"16, which would take 96\.0 GiB of memory .*GiB are free.*PauliPropagation"):
        engine.objective(Circuit(16), Observable.from_terms({"Z" * 16: 1.0}))


def zz(engine, n):
    return engine.objective(Circuit(n), Observable.from_terms({"Z" * n: 1.0}))


@pytest.mark.parametrize(
    "request_",
    [
        lambda: zz(PauliTransferSimulator(), 9),
        lambda: zz(StatevectorSimulator(), 17),
        lambda: zz(AerSimulator(), 9)([]),
        lambda: zz(PennyLaneSimulator(), 9),
        lambda: zz(StatevectorSimulator(), 12).with_shots(10, np.random.default_rng(0))([]),
        lambda: zz(StatevectorSimulator(), 5).states(np.empty((4_000, 0))),
        lambda: Observable.from_terms({"X" * 16: 1.0}).ground_energy(),
        lambda: QuantumKernelClassifier()._kernel(np.ones((200, 2)), np.ones((200, 2))),
        lambda: ReplayBuffer(100_000, 1_000, 30),
        lambda: generate_pool(CircuitSpace.published(4), 10_000_000, seed=1),
    ],
)
def test_whatever_does_not_fit_is_refused_before_it_is_allocated(short_of_memory, request_):
    with pytest.raises(QvarError, match=r"would take [\d.,]+ GiB of memory, and 0\.00098 GiB are free here; "):
        request_()


def test_interrupted_commands_end_as_they_should():
    done = campaign("interrupts", "--commands", "vqe, Aer", "--trials", "3")
    assert "3 signals, 0 faults" in done.stdout, done.stderr


@pytest.mark.slow
def test_an_interrupted_search_goes_on_to_the_same_record():
    done = campaign("interrupts", "--commands", "search, evolution", "--trials", "2")
    assert "2 signals, 0 faults" in done.stdout, done.stderr


def test_records_are_the_same_with_other_threads_workers_and_surroundings_and_a_planted_difference_is_found():
    done = campaign("determinism", "--jobs", "vqe, shots;planted", "--plant")
    assert "1 of 2 jobs: the same record" in done.stdout, done.stderr
    assert "| planted | 1 | DIFFERENT by threads: planted.txt |" in done.stdout


def test_nothing_leaks_over_episodes_and_a_planted_leak_is_found():
    done = campaign("leaks", "--curves", "episodes under noise;planted", "--plant", "--scale", "0.05")
    assert "| episodes under noise | 250 |" in done.stdout, done.stderr
    assert done.stdout.count("| steady |") == done.stdout.count("| LEAKS |") == 1


def test_estimates_of_memory_are_near_what_is_taken():
    done = campaign("estimates", "--cases", "8 noisy states;kernel matrix", "--no-times")
    assert done.returncode == 0, done.stdout + done.stderr
