"""The archive keeps exactly the circuits that no other one beats."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from qvar.agents import RandomPolicy
from qvar.optimizers import AdamSPSA
from qvar.problems import molecule
from qvar.runs import RunFolder
from qvar.runs.artifacts import read_pareto_entries
from qvar.search import Judge, Pruning, run_search
from qvar.search.best import BestCircuit
from qvar.search.pareto import ParetoArchive
from qvar.simulators import Circuit, NoiseModel, Operation, PauliTransferSimulator, Slot, StatevectorSimulator


def found(value, *, n_cnots, n_idle=0):
    """A circuit of two qubits with depth n_cnots + n_idle, whose value is given."""
    turns = tuple(Operation("rz", (0,), (Slot(k),)) for k in range(n_idle))
    circuit = Circuit(2, (Operation("cx", (0, 1)),) * n_cnots + turns)
    return BestCircuit(circuit, np.zeros(n_idle), value, value)


def numbers(kept):
    return {(k.value, k.circuit.n_two_qubit_gates, k.circuit.depth()) for k in kept}


def front_by_comparing_all(rows):
    """The rows that none beats, by looking at every pair."""
    return {r for r in rows if not any(o != r and all(a <= b for a, b in zip(o, r, strict=True)) for o in rows)}


@pytest.mark.parametrize("seed", range(5))
def test_what_is_kept_is_the_front_that_comparing_all_pairs_gives(seed):
    rng, archive, rows = np.random.default_rng(seed), ParetoArchive(), set()
    for _ in range(400):
        n_cnots, n_idle = int(rng.integers(8)), int(rng.integers(8))
        value = float(rng.integers(40)) - 6 * n_cnots - 3 * n_idle
        candidate = found(value, n_cnots=n_cnots, n_idle=n_idle)
        before = numbers(archive.circuits)
        refused = archive.is_dominated(value, n_cnots=n_cnots, depth=n_cnots + n_idle)
        assert archive.offer(candidate) is not refused
        rows |= numbers([candidate])
        assert numbers(archive.circuits) == front_by_comparing_all(rows)
        assert (numbers(archive.circuits) == before) == refused
    assert len(archive) > 5
    values = [kept.value for kept in archive.circuits]
    assert values == sorted(values, reverse=True)


def test_values_within_a_tie_are_equal_so_that_fewer_gates_win():
    archive = ParetoArchive.of([found(-1.0, n_cnots=2), found(-1.0 + 5e-7, n_cnots=1)])
    assert numbers(archive.circuits) == {(-1.0 + 5e-7, 1, 1)}
    assert not archive.offer(found(-1.0 - 4e-7, n_cnots=1))
    assert archive.offer(found(-1.0 - 2e-6, n_cnots=2))
    assert len(archive) == 2


def test_of_too_many_the_closest_in_value_go_and_the_best_stays():
    archive = ParetoArchive(capacity=5)
    for k in range(20):
        archive.offer(found(-1.0 * k**2, n_cnots=k))
    assert len(archive) == 5
    assert archive.circuits[-1].value == -361.0
    assert all(kept.circuit.n_two_qubit_gates in {0, *range(12, 20)} for kept in archive.circuits)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_no_number_is_refused(value):
    archive = ParetoArchive()
    assert not archive.offer(found(value, n_cnots=0))
    assert len(archive) == 0


def test_the_state_comes_back_from_json_and_goes_on_alike():
    rng, archive, copy = np.random.default_rng(1), ParetoArchive(capacity=12), ParetoArchive(capacity=12)
    copy.offer(found(-1e9, n_cnots=0))
    for k in range(300):
        candidate = found(-float(rng.integers(1000)), n_cnots=int(rng.integers(15)), n_idle=int(rng.integers(15)))
        if k == 150:
            copy.load_state(json.loads(json.dumps(archive.state())))
        if k >= 150:
            assert copy.offer(candidate) == archive.offer(candidate)
        else:
            archive.offer(candidate)
    assert copy.state() == archive.state()
    copy.load_state([])
    assert copy.offer(found(5.0, n_cnots=9))


@pytest.mark.parametrize("changes", [{}, {"shots": 100, "optimizer": AdamSPSA(max_evaluations=20)}])
def test_a_run_writes_the_circuits_that_nothing_dominates(exact_search, tmp_path, changes):
    lithium = replace(exact_search, problem=molecule("lih-4"), algorithm=RandomPolicy(), episodes=5, max_gates=12)
    configuration = replace(lithium, **changes)
    problem, engine = configuration.problem, configuration.engine
    result = run_search(configuration, out=tmp_path / "run")
    rows = read_pareto_entries(tmp_path / "run" / "pareto.json")
    assert rows == [asdict(row) for row in result.pareto]
    assert (tmp_path / "run" / "pareto.png").read_bytes().startswith(b"\x89PNG")
    triples = {(row["energy"], row["n_cnots"], row["depth"]) for row in rows}
    assert triples == front_by_comparing_all(triples)
    assert len(triples) == len(rows) > 1
    for row in rows:
        circuit = Circuit.from_qasm(row["qasm"])
        assert (circuit.n_two_qubit_gates, circuit.n_rotations, circuit.depth()) == (
            row["n_cnots"],
            row["n_rotations"],
            row["depth"],
        )
        assert problem.objective(engine, circuit)([]) == pytest.approx(row["energy"], abs=1e-10)
        noiseless = problem.objective(StatevectorSimulator(), circuit)([])
        assert abs(noiseless - problem.exact_energy) == pytest.approx(row["error"], abs=1e-10)
    if configuration.shots is None:
        assert rows[-1]["energy"] == pytest.approx(result.energy, abs=1e-6)


def test_where_circuits_are_judged_without_noise_so_is_the_front(exact_search):
    noisy = replace(exact_search, engine=PauliTransferSimulator(NoiseModel.named("ourense")), max_gates=6)
    rows = run_search(replace(noisy, judge=Judge(by="noiseless"))).pareto
    errors = {(row.error, row.n_cnots, row.depth) for row in rows}
    assert errors == front_by_comparing_all(errors)


def test_the_archive_of_a_resumed_run_is_that_of_an_unbroken_one(noisy_search, tmp_path, monkeypatch, file_contents):
    import qvar.search.run_in_progress as run_in_progress

    snapshots, out = [], tmp_path / "run"
    monkeypatch.setattr(run_in_progress, "CHECKPOINT_SECONDS", 0.0)
    run_search(noisy_search, out=out, on_episode=lambda _: snapshots.append(file_contents(out)))
    copy = tmp_path / "copy"
    copy.mkdir()
    for file, content in snapshots[5].items():
        (copy / file).write_bytes(content)
    run_search(noisy_search, out=copy, resume=True)
    states = [RunFolder.open(folder).load_checkpoint()[1]["tracker"]["archive"] for folder in (out, copy)]
    assert states[0] == states[1] != []
    assert (copy / "pareto.json").read_bytes() == (out / "pareto.json").read_bytes()


def test_with_shots_the_pruned_circuit_joins_the_front_at_its_energy_without_the_price_of_its_gates(noisy_search):
    """Its value as pruning saw it holds the price of its gates, that of the others does not."""
    judge = Judge(by="noiseless", cnot_price=0.05, rotation_price=0.05)
    result = run_search(replace(noisy_search, judge=judge, pruning=Pruning()))
    errors = {(row.error, row.n_cnots, row.depth) for row in result.pareto}
    assert errors == front_by_comparing_all(errors)
    beaten = [
        row
        for row in result.pareto
        if row.error <= result.error + 2e-6
        and row.n_cnots <= result.circuit.n_two_qubit_gates
        and row.depth <= result.circuit.depth()
    ]
    assert beaten  # the result itself, or what is as good
