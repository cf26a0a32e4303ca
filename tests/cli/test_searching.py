"""search and vqe: options reach the computation, output is for people or for machines, never both."""

import json
import sys

import pytest

from qvar.cli.search import search as searching
from qvar.problems import molecule
from qvar.runs import RunFolder
from qvar.simulators import Circuit, NoiseModel, PauliTransferSimulator, StatevectorSimulator

SHORT = ("--episodes", 2, "--max-gates", 3)


def config(folder):
    return RunFolder.open(folder).config


def test_a_search_prints_its_numbers_and_leaves_its_record(qvar, own_folder):
    outcome = qvar("search", "h2-2", *SHORT, "--out", "mine")
    result = RunFolder.open(own_folder / "mine").result()
    assert (outcome.code, outcome.err) == (0, "")
    for name in ("energy", "noiseless_energy", "exact_energy"):
        assert f"{result[name]:.6f}" in outcome.out
    assert f"{result['error']:.2e}" in outcome.out
    assert "no noise, annealing, 2 episodes, seed 0" in outcome.words
    assert "q_0:" in outcome.out
    assert "record, plots and circuit in mine; look at it again with: qvar show mine" in outcome.out


def test_a_search_as_json_is_json_alone(qvar, own_folder):
    outcome = qvar("search", "h2-2", *SHORT, "--json", "--out", "mine")
    assert (outcome.code, outcome.err) == (0, "")
    data = json.loads(outcome.out)
    assert data == {**RunFolder.open(own_folder / "mine").result(), "run": "mine"}
    energy = StatevectorSimulator().objective(Circuit.from_qasm(data["qasm"]), molecule("h2-2").observable)([])
    assert data["energy"] == pytest.approx(energy, abs=1e-10)


@pytest.mark.parametrize(
    ("arguments", "folder"),
    [
        (("h2-2",), "h2-2-none-annealing-seed0"),
        (("h2-2", "--algorithm", "random", "--seed", 7), "h2-2-none-random-seed7"),
        (("h2-2", "--noise", "ourense"), "h2-2-ourense-annealing-seed0"),
        (("h2-2", "--noise", "device.v1.json"), "h2-2-device.v1-annealing-seed0"),
        (("sub/mine.json",), "mine-none-annealing-seed0"),
    ],
)
def test_without_out_the_run_has_a_telling_name(qvar, own_folder, arguments, folder):
    (own_folder / "sub").mkdir()
    molecule("h2-2").to_json(own_folder / "sub" / "mine.json")
    NoiseModel.from_numbers(p1=1e-3).to_json(own_folder / "device.v1.json")
    outcome = qvar("search", *arguments, *SHORT)
    assert outcome.code == 0
    assert [p.name for p in (own_folder / "runs").iterdir()] == [folder]
    assert f"look at it again with: qvar show runs/{folder}" in outcome.out


def test_options_reach_the_run(qvar, own_folder):
    outcome = qvar(
        *("search", "h2-2", *SHORT, "--noise", "ourense", "--qubits", "3,1", "--algorithm", "random"),
        *("--optimizer", "adam-spsa", "--shots", 10, "--seed", 4, "--engine", "pauli-transfer", "--out", "mine"),
    )
    assert outcome.code == 0
    found = config(own_folder / "mine")
    assert (found["episodes"], found["max_gates"], found["shots"], found["seed"]) == (2, 3, 10, 4)
    assert (found["algorithm"]["name"], found["optimizer"]["name"]) == ("RandomPolicy", "AdamSPSA")
    assert found["engine"]["name"] == "pauli-transfer"
    noise = NoiseModel.from_dict(found["engine"]["noise"])
    assert noise.key() == NoiseModel.named("ourense", qubits=[3, 1]).key()
    assert json.loads((own_folder / "mine" / "result.json").read_text())["shots"] > 0


def test_the_environment_s_options_reach_the_run(qvar, own_folder):
    options = ("--start", "hartree-fock", "--reward", "gate-cost", "--halting", "scaled", "--optimize-every", 2)
    options += ("--preset", "crlqas", "--algorithm", "random")
    assert qvar("search", "h2-2", *options, "--episodes", 2, "--max-gates", 5, "--out", "mine").code == 0
    found = config(own_folder / "mine")
    assert [gate[:2] for gate in found["start"]["gates"]] == [["ry", [0]], ["ry", [1]]]
    assert (found["reward"]["name"], found["halting"]["name"]) == ("GateCostReward", "NegativeBinomialHalting")
    assert found["optimize_every"] == 2
    assert found["curriculum"]["initial_threshold"] < 0.21  # that of Hartree-Fock; 0.97 without a start


def test_a_search_goes_on_from_a_chain_and_another_from_what_that_one_found(qvar, own_folder):
    fast = ("--algorithm", "random", "--episodes", 2, "--optimizer", "cobyla")
    outcome = qvar("search", "h2-2", "--start", "mps", "--max-gates", 6, *fast, "--out", "first", "--json")
    assert outcome.code == 0
    assert json.loads(outcome.out)["gradients"] > 0  # those of the chain; COBYLA takes none
    start = ("--start", "first/best.qasm", "--max-gates", 9)
    assert qvar("search", "h2-2", *start, *fast, "--out", "second").code == 0
    circuit = Circuit.from_qasm((own_folder / "first" / "best.qasm").read_text())
    assert [gate[0] for gate in config(own_folder / "second")["start"]["gates"]] == [o.gate for o in circuit.operations]


def test_a_chain_keeps_to_the_coupling_of_the_device(qvar, own_folder):
    options = ("--start", "mps", "--noise", "ourense", "--algorithm", "random", "--episodes", 1, "--max-gates", 24)
    assert qvar("search", "lih-4", *options, "--out", "mine").code == 0
    found = config(own_folder / "mine")
    cnots = {tuple(qubits) for gate, qubits, *_ in found["start"]["gates"] if gate == "cx"}
    assert cnots
    assert cnots <= {tuple(pair) for pair in found["engine"]["noise"]["coupling_map"]}


@pytest.mark.parametrize(
    ("option", "value", "known"),
    [
        ("--start", "dmrg", "empty, hartree-fock, mps, or the path of a .qasm or .qpy file"),
        ("--reward", "free", "paper, gate-cost"),
        ("--halting", "soon", "none, scaled, released-noiseless, released-noisy"),
    ],
)
def test_names_that_are_not_known_are_refused_naming_those_that_are(qvar, own_folder, option, value, known):
    outcome = qvar("search", "h2-2", option, value, "--out", "mine")
    assert outcome.code == 2
    assert f"unknown {option[2:]} '{value}'; known are {known}" in outcome.err
    assert not (own_folder / "mine").exists()


def test_a_noisy_run_replays_from_a_noiseless_one_in_several_environments(qvar, own_folder):
    agent = ("--algorithm", "ddqn", *SHORT)
    assert qvar("search", "h2-2", *agent, "--out", "noiseless").code == 0
    more = ("--noise", "ourense", "--environments", 2, "--replay-from", "noiseless", "--out", "noisy")
    assert qvar("search", "h2-2", *agent, *more).code == 0
    found = config(own_folder / "noisy")
    assert found["replay_from"] == RunFolder.open(own_folder / "noiseless").id
    assert found["environments"] == 2
    assert (own_folder / "noisy" / "replay.npz").is_file()
    outcome = qvar("search", "h2-3", *SHORT, "--replay-from", "noiseless", "--out", "misfit")
    assert outcome.code != 0
    assert "chose among 8 actions" in outcome.err


def test_maskable_ppo_searches_too(qvar, own_folder):
    outcome = qvar("search", "h2-2", *SHORT, "--algorithm", "ppo")
    assert outcome.code == 0
    assert config(own_folder / "runs" / "h2-2-none-ppo-seed0")["algorithm"]["name"] == "MaskablePPO"


@pytest.mark.parametrize(
    ("arguments", "engine", "noise"),
    [
        ((), "statevector", None),
        (("--noise", "mumbai-max"), "pauli-transfer", "mumbai-max"),
        (("--noise", "mumbai-max", "--engine", "aer"), "aer-density-matrix", "mumbai-max"),
        (("--engine", "aer"), "aer-density-matrix", None),
        (("--engine", "pauli-transfer"), "pauli-transfer", None),
    ],
)
def test_the_engine_is_the_one_asked_for_or_the_fastest_that_has_the_noise(qvar, own_folder, arguments, engine, noise):
    short = ("--episodes", 1, "--max-gates", 1, "--optimizer", "cobyla")
    assert qvar("search", "h2-2", *short, *arguments, "--out", "mine").code == 0
    found = config(own_folder / "mine")["engine"]
    assert found["name"] == engine
    assert (None if found["noise"] is None else found["noise"]["name"]) == noise


def test_the_coupling_of_a_device_is_dropped_only_on_request(qvar, own_folder):
    for name, flags in (("kept", ()), ("dropped", ("--ignore-coupling",))):
        assert qvar("search", "h2-2", *SHORT, "--noise", "ourense", *flags, "--out", name).code == 0
    assert config(own_folder / "kept")["engine"]["noise"]["coupling_map"]
    assert config(own_folder / "dropped")["engine"]["noise"]["coupling_map"] is None


def test_a_fake_backend_gives_its_noise(qvar, own_folder):
    outcome = qvar("search", "h2-2", *SHORT, "--noise", "fake:FakeManilaV2", "--qubits", "2,3", "--out", "mine")
    assert (outcome.code, outcome.err) == (0, "")
    assert config(own_folder / "mine")["engine"]["noise"]["name"] == "fake_manila qubits 2,3"


def test_the_published_preset_is_there_for_those_who_have_time(qvar, own_folder):
    outcome = qvar(
        *("search", "h2-2", "--preset", "crlqas", "--algorithm", "random", "--episodes", 1, "--max-gates", 2),
        *("--out", "mine"),
    )
    assert outcome.code == 0
    assert config(own_folder / "mine")["optimizer"]["name"] == "Cobyla"


def test_resuming_needs_no_task_and_plays_no_episode_twice(qvar, small_run, file_contents, monkeypatch):
    before = file_contents(small_run)
    outcome = qvar("search", "--resume", "--out", "run", "--json")
    assert outcome.code == 0
    assert json.loads(outcome.out) == {**RunFolder.open(small_run).result(), "run": "run"}
    assert file_contents(small_run) == before


def test_an_interrupted_search_says_how_to_go_on_and_does(qvar, own_folder, monkeypatch):
    run_search = searching.run_search

    def interrupted(configuration, *, on_episode, **options):
        def stop_after_two(record):
            on_episode(record)
            if record["episode"] == 2:
                raise KeyboardInterrupt

        return run_search(configuration, on_episode=stop_after_two, **options)

    command = ("search", "h2-2", "--episodes", 4, "--max-gates", 3, "--seed", 5, "--out", "mine")
    with monkeypatch.context() as patch:
        patch.setattr(searching, "run_search", interrupted)
        outcome = qvar(*command)
    assert (outcome.code, outcome.out) == (130, "")
    assert outcome.err == "interrupted; go on with: qvar search --resume --out mine\n"
    resumed = json.loads(qvar("search", "--resume", "--out", "mine", "--json").out)
    unbroken = json.loads(qvar(*command[:-1], "whole", "--json").out)
    assert {**resumed, "seconds": 0, "run": 0} == {**unbroken, "seconds": 0, "run": 0}


@pytest.mark.parametrize("flags", [(), ("--quiet",), ("--json",)], ids=["default", "quiet", "json"])
def test_without_a_terminal_there_is_no_progress(qvar, flags):
    assert qvar("search", "h2-2", *SHORT, *flags).err == ""
    assert qvar("vqe", "h2-2", "--starts", 1, *flags).err == ""


@pytest.mark.parametrize(("flags", "is_shown"), [((), True), (("--quiet",), False), (("--json",), False)])
def test_on_a_terminal_progress_is_shown_unless_told_otherwise(qvar, monkeypatch, flags, is_shown):
    monkeypatch.setenv("FORCE_COLOR", "1")  # to rich, this is a terminal
    search = qvar("search", "h2-2", *SHORT, *flags)
    assert ("episode 2" in search.err and "%" in search.err) == is_shown
    vqe = qvar("vqe", "h2-2", "--starts", 1, *flags)
    assert ("optimizing" in vqe.err) == is_shown
    if not is_shown:
        assert (search.err, vqe.err) == ("", "")


def test_vqe_prints_its_numbers(qvar):
    outcome = qvar("vqe", "h2-2", "--starts", 3, "--seed", 1)
    assert (outcome.code, outcome.err) == (0, "")
    assert "efficient_su2, 3 starts, seed 1" in outcome.words
    assert outcome.out.count("-1.137270") == 3
    assert "within chemical accuracy" in outcome.out


def test_vqe_as_json_is_json_alone(qvar):
    outcome = qvar("vqe", "h2-2", "--starts", 2, "--json")
    assert outcome.err == ""
    data = json.loads(outcome.out)
    assert data["chemically_accurate"] is True
    assert data["run"] is None
    energy = StatevectorSimulator().objective(Circuit.from_qasm(data["qasm"]), molecule("h2-2").observable)([])
    assert data["energy"] == pytest.approx(energy, abs=1e-10)


def test_vqe_takes_noise_shots_optimizer_and_family(qvar):
    outcome = qvar(
        *("vqe", "h2-3", "--noise", "ourense", "--ansatz", "real_amplitudes", "--reps", 1, "--starts", 1),
        *("--optimizer", "adam-spsa", "--shots", 20, "--json"),
    )
    data = json.loads(outcome.out)
    assert data["shots"] > 0
    assert (data["n_rotations"], data["n_cnots"]) == (6, 2)
    noisy = PauliTransferSimulator(NoiseModel.named("ourense"))
    energy = noisy.objective(Circuit.from_qasm(data["qasm"]), molecule("h2-3").observable)([])
    assert data["energy"] == pytest.approx(energy, abs=1e-10)
    assert data["energy"] != pytest.approx(data["noiseless_energy"], abs=1e-4)


@pytest.mark.parametrize("name", ["lbfgs", "cobyla", "adam-spsa", "spsa", "rotosolve", "adam", "aqgd"])
def test_vqe_takes_every_optimizer_by_name(qvar, name):
    options = ("--ansatz", "real_amplitudes", "--reps", 1, "--starts", 2, "--optimizer", name, "--json")
    outcome = qvar("vqe", "h2-2", *options)
    assert outcome.code == 0
    assert json.loads(outcome.out)["error"] < 0.02, "better than Hartree-Fock"


def test_a_search_records_an_optimizer_with_which_it_can_be_resumed(qvar, own_folder):
    short = ("--episodes", 2, "--max-gates", 4, "--algorithm", "random", "--optimizer", "rotosolve", "--seed", 1)
    assert qvar("search", "h2-2", *short, "--out", "mine").code == 0
    assert config(own_folder / "mine")["optimizer"]["name"] == "Rotosolve"
    assert qvar("search", "--resume", "--out", "mine").code == 0


def test_vqe_takes_a_circuit_file(qvar, own_folder):
    (own_folder / "mine.qasm").write_text(
        'OPENQASM 3.0;\ninclude "stdgates.inc";\ninput float[64] a;\nqubit[2] q;\nry(a) q[0];\ncx q[0], q[1];\n'
    )
    data = json.loads(qvar("vqe", "h2-2", "--ansatz", "mine.qasm", "--starts", 2, "--json").out)
    assert (data["n_rotations"], data["n_cnots"]) == (1, 1)


def test_the_same_command_gives_the_same_numbers(qvar):
    outcomes = [json.loads(qvar("search", "h2-2", *SHORT, "--seed", 3, "--json", "--out", f"run{k}").out) for k in "ab"]
    assert {**outcomes[0], "seconds": 0, "run": 0} == {**outcomes[1], "seconds": 0, "run": 0}


@pytest.mark.parametrize("title", ["a [/closing] tag", "[bold]fat[/bold]", r"5$ and $\nothing$"])
def test_a_problem_with_a_strange_title_is_searched_all_the_same(qvar, own_folder, title):
    data = molecule("h2-2").to_dict() | {"title": title}
    (own_folder / "mine.json").write_text(json.dumps(data))
    outcome = qvar("search", "mine.json", *SHORT, "--out", "run")
    assert outcome.code == 0
    assert title in outcome.words


def test_a_family_member_is_searched_under_its_name_dots_included(qvar, own_folder):
    found = qvar("search", "tfim-2-h0.5", "--algorithm", "random", "--episodes", 3, "--max-gates", 4, "--quiet")
    assert (found.code, found.err) == (0, "")
    assert "noiseless error (J)" in found.out
    assert "chemical" not in found.out
    (folder,) = (own_folder / "runs").iterdir()
    assert folder.name == "tfim-2-h0.5-none-random-seed0"
    assert "tfim-2-h0.5" in qvar("show", folder).out


def test_a_compiled_unitary_is_searched_under_noise_and_judged_by_its_aim(qvar, own_folder):
    found = qvar(
        *("search", "qft-1", "--algorithm", "random", "--noise", "ourense", "--episodes", 3, "--max-gates", 4),
        *("--out", "run", "--quiet"),
    )
    assert (found.code, found.err) == (0, "")
    assert "of 0.01" in found.out
    shown = json.loads(qvar("show", "run", "--json").out)
    assert (shown["unit"], shown["accurate"]) == ("infidelity", shown["error"] <= 1e-2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--reward", "gate-cost", "--optimize-every", 2), "--reward, --optimize-every: only agents take this"),
        (("--algorithm", "greedy", "--halting", "scaled"), "--halting: only agents take this, greedy does not"),
        (("--sampling", "normal"), "give their number with --shots"),
    ],
)
def test_options_that_would_do_nothing_are_refused(qvar, own_folder, arguments, message):
    outcome = qvar("search", "h2-2", *SHORT, *arguments, "--out", "mine")
    assert outcome.code == 2
    assert message in outcome.err
    assert not (own_folder / "mine").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--engine", "aer:statevector", "--noise", "ourense", "--shots", 10), "gives no exact energies"),
        (("--engine", "aer:stabilizer"), "Clifford gates only"),
        (("--engine", "aer", "--sampling", "normal", "--shots", 10), "draws no normal shot noise"),
    ],
)
def test_an_engine_that_cannot_judge_the_result_is_refused_before_the_search(qvar, own_folder, arguments, message):
    outcome = qvar("search", "h2-2", *SHORT, *arguments, "--out", "mine")
    assert outcome.code == 2
    assert message in outcome.err
    assert not (own_folder / "mine").exists()


def test_an_agent_whose_package_is_missing_is_refused_before_the_search(qvar, own_folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "sb3_contrib", None)
    outcome = qvar("search", "h2-2", *SHORT, "--algorithm", "ppo", "--out", "mine")
    assert outcome.code == 2
    assert "the extra sb3 brings: pip install" in outcome.err
    assert not (own_folder / "mine").exists()
