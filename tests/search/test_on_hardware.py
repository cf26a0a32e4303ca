"""A search on a device: its record names the device, and a repeated one pays for nothing."""

import pytest

from qvar.hardware import ExecutionOptions, HardwareRun, Limits
from qvar.optimizers import SPSA
from qvar.problems import molecule
from qvar.search import RandomPolicy, SearchConfiguration, run_search
from qvar.simulators.errors import HardwareError, RunError


def searched(tmp_path, out=None, limits=None):
    options = ExecutionOptions(shots=50, seed_simulator=1, optimization_level=0)
    run = HardwareRun("fake:FakeManilaV2", folder=tmp_path / "jobs", options=options, limits=limits)
    configuration = SearchConfiguration(
        molecule("h2-2"),
        run.engine(),
        algorithm=RandomPolicy(),
        optimizer=SPSA(max_evaluations=2, a=0.1),
        episodes=1,
        max_gates=2,
        shots=50,
        remember=0,
        seed=3,
    )
    result = run_search(configuration, out=out)
    return result, run.ledger.spent()


def test_a_search_is_replayed_from_the_jobs_it_paid_for(tmp_path):
    first, spent = searched(tmp_path, tmp_path / "one")
    again, spent_again = searched(tmp_path, tmp_path / "two")
    assert (again.circuit, again.energy) == (first.circuit, first.energy)
    assert spent_again == spent
    assert spent.jobs > 2


def test_a_search_stops_at_the_limit(tmp_path):
    with pytest.raises(HardwareError, match="max_jobs=2"):
        searched(tmp_path, limits=Limits(max_jobs=2))


def test_its_record_names_the_device_and_cannot_spend_by_itself(tmp_path):
    run = HardwareRun("fake:FakeManilaV2", folder=tmp_path)
    record = SearchConfiguration(molecule("h2-2"), run.engine(), algorithm=RandomPolicy(), episodes=1).to_dict()
    assert record["engine"]["name"] == "runtime-fake_manila"
    with pytest.raises(RunError, match="repeat the call"):
        SearchConfiguration.from_dict(record)
