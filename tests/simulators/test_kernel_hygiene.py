"""Kernels run without bounds checks; here they run once with them, compiled afresh."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# First the control: with checks in force, a workspace that is too small raises. Then the comparison with the oracle.
SCRIPT = """
import numpy as np, pytest, sys
from qvar.simulators import Circuit, Observable, Operation, PauliTransferSimulator, StatevectorSimulator
for engine in (PauliTransferSimulator(), StatevectorSimulator()):
    o = engine.objective(Circuit(2, (Operation("x", (1,)),)), Observable.from_terms({"ZZ": 1.0}))
    try:
        o._energy(*o._arguments, np.zeros(0), np.zeros(2))
    except IndexError:
        continue
    sys.exit("bounds are not checked")
sys.exit(pytest.main(["-q", "-p", "no:cacheprovider", *sys.argv[1:]]))
"""
CASES = [
    "tests/simulators/test_against_density_matrix.py::test_every_two_qubit_gate_is_right_on_every_ordered_pair",
    "tests/simulators/test_against_density_matrix.py::test_every_one_qubit_gate_is_right_on_every_qubit",
    "tests/simulators/test_gradients.py::test_both_sweeps_agree_on_more_qubits",
    "tests/simulators/test_gradients.py::test_the_noisy_gradient_equals_finite_differences",
    "tests/simulators/test_batched_gradients.py::test_every_row_is_the_single_gradient",
    "tests/simulators/test_batched_gradients.py::test_one_of_either_serves_all_of_the_other",
    "tests/simulators/test_batched_gradients.py::test_undoing_is_compared_with_the_start_state_whatever_its_size",
    "tests/simulators/test_pulled_back.py::test_a_pulled_back_observable_gives_the_value_of_every_start",
    "tests/simulators/test_pulled_back.py::test_final_states_are_those_of_the_density_matrix",
    "tests/simulators/measurement/test_normal_shots.py::test_separate_clusters_and_qubits_without_influence_are_no_obstacle",
    "tests/simulators/test_pure_plans.py::test_values_and_gradients_are_those_of_the_other_picture",
    "tests/simulators/test_pure_plans.py::test_the_kernel_of_moments_agrees_with_outcome_probabilities",
    "tests/optimizers/test_compiled.py::test_several_final_clusters_and_angles_outside_the_light_cone_are_no_obstacle",
]


@pytest.mark.slow
def test_kernels_stay_within_their_arrays(tmp_path):
    environment = os.environ | {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", SCRIPT, *CASES]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(tmp_path.rglob("*.nbi")), "the kernels must have been compiled afresh"
    assert "compiling the kernel pauli_transfer.energy" in done.stderr
