"""A few defects in the most important places are noticed, and the machinery of the campaign tells nothing else."""

import ast

import pytest

from tests.trust.mutant_runs import Session, Tree
from tests.trust.mutant_session import spoiled_functions
from tests.trust.mutant_table import table, wilson

CHANNELS = "tests/simulators/test_channels.py"
MATRICES = "tests/simulators/test_conventions.py::test_gate_matrices_are_qiskits"
DEPOLARIZING = "tests/simulators/test_conventions.py::test_depolarizing_replaces_the_state_with_probability_p_as_in_aer"
READOUT = "tests/simulators/test_readout.py::test_the_measured_observable_has_the_measured_coefficients"
ACTIONS = "tests/envs/test_actions.py"
HALTING = "tests/envs/test_halting.py"
REWARD = "tests/envs/test_reward.py"

# File, code, the same with a defect, tests that must notice: some that need no compiled kernels, which takes long.
DEFECTS = {
    "rotations turn the other way": (
        "simulators/gates.py",
        "np.cos(t / 2) * identity - 1j",
        "np.cos(t / 2) * identity + 1j",
        MATRICES,
    ),
    "qubits in the other order": (
        "simulators/channels.py",
        "np.kron(second, first) for",
        "np.kron(first, second) for",
        CHANNELS,
    ),
    "noise twice as strong": (
        "simulators/channels.py",
        "[1.0] + [1.0 - p]",
        "[1.0] + [1.0 - 2 * p]",
        DEPOLARIZING,
    ),
    "relaxation away from the thermal state": (
        "simulators/channels.py",
        "(1 - 2 * excited_population)",
        "(1 + 2 * excited_population)",
        CHANNELS,
    ),
    "populations and coherences exchanged": (
        "simulators/channels.py",
        "_damping(np.exp(-tau2), decay,",
        "_damping(decay, np.exp(-tau2),",
        CHANNELS,
    ),
    "read-out errors transposed": (
        "simulators/readout.py",
        "letter_map(noise, q).T for",
        "letter_map(noise, q) for",
        READOUT,
    ),
    "read-out errors of other qubits": (
        "simulators/readout.py",
        "place = len(label) - 1 - qubit",
        "place = qubit",
        READOUT,
    ),
    "a reward for rising energies": (
        "envs/reward.py",
        "previous_energy - energy, abs",
        "energy - previous_energy, abs",
        REWARD,
    ),
    "rewards without bound": (
        "envs/reward.py",
        "min(max(decrease / distance, -1.0), 1.0)",
        "decrease / distance",
        REWARD,
    ),
    "rotations as dear as CNOTs": ("envs/reward.py", "self.rotation if gate.is_rotation else", "", REWARD),
    "legal actions masked": ("envs/actions.py", "any(last[q] != index", "all(last[q] != index", ACTIONS),
    "a CNOT forgotten on its target": (
        "envs/actions.py",
        "number if q in qubits else",
        "number if q in qubits[:1] else",
        ACTIONS,
    ),
    "halting by the other probability": (
        "envs/halting.py",
        "rng.negative_binomial(max_gates, self.p)",
        "rng.negative_binomial(max_gates, 1 - self.p)",
        HALTING,
    ),
    "halting one gate early": ("envs/halting.py", "return 1 + int(rng.binomial", "return int(rng.binomial", HALTING),
}
HARMLESS = ("envs/reward.py", "decrease / distance", "decrease / abs(distance)", REWARD)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    return Tree(tmp_path_factory.mktemp("mutants"))


@pytest.fixture(scope="module")
def session(tree):
    session = Session(tree, ["-m", "not slow", CHANNELS, MATRICES, DEPOLARIZING, READOUT, ACTIONS, HALTING, REWARD])
    yield session
    session.close()


def spoiled(tree, module, code, defect):
    before = tree.read(module)
    assert before.count(code) == 1, f"{code!r} is no longer in {module}: choose another defect"
    return before.replace(code, defect)


@pytest.mark.parametrize("name", DEFECTS)
def test_a_defect_in_an_important_place_is_noticed(session, tree, name):
    module, code, defect, tests = DEFECTS[name]
    outcome = session.run(module, spoiled(tree, module, code, defect), [tests], seconds=60)
    assert outcome.status == "killed"
    assert outcome.by.startswith(tests)


def test_a_harmless_change_survives(session, tree):
    module, code, change, tests = HARMLESS
    assert session.run(module, spoiled(tree, module, code, change), [tests], seconds=60).status == "survived"


def test_without_tests_every_defect_survives(session, tree):
    for module, code, defect, _ in DEFECTS.values():
        assert session.run(module, spoiled(tree, module, code, defect), [], seconds=60).status == "survived"


def test_an_endless_loop_ends_at_the_limit(session, tree):
    code = spoiled(tree, "envs/reward.py", "if success:\n            return self", "while True:\n            self")
    assert session.run("envs/reward.py", code, [REWARD], seconds=2).status == "timeout"


def test_a_file_is_the_same_again_after_its_defect(tree):
    before, time = tree.read("envs/reward.py"), (tree.root / "envs/reward.py").stat().st_mtime_ns
    with tree.spoiled("envs/reward.py", "nothing"):
        assert (tree.root / "qvar/envs/reward.py").read_text() == "nothing"
    assert (tree.read("envs/reward.py"), (tree.root / "envs/reward.py").stat().st_mtime_ns) == (before, time)


def test_only_defects_inside_of_functions_are_put_into_a_running_session():
    before = "A = 1\nclass B:\n    c = 2\n    def d(self, e=3):\n        return lambda: e + 4\n"
    assert spoiled_functions(before, before) == {}
    assert spoiled_functions(before, before.replace("4", "5")).keys() == {("B.d", 4), ("B.d.<locals>.<lambda>", 5)}
    for place in "123":
        assert spoiled_functions(before, before.replace(place, "6")) is None
    assert spoiled_functions(before, "\n" + before) is None


def test_mutants_are_one_small_change_and_leave_out_what_tests_cannot_say(tmp_path):
    pytest.importorskip("cosmic_ray")
    from tests.trust.mutation import mutants_of

    code = (
        '"""Doc 1."""\n\n__all__ = ["f"] * 1\n\n\ndef f(x: int | None, *, y: float = 2.0) -> int | str:\n'
        '    """Doc 3."""\n    if x is None:\n        raise ValueError(f"{y + 4}")\n    return x + 5\n'
    )
    (tmp_path / "module.py").write_text(code)
    places, mutants = mutants_of(tmp_path, "module.py", seed=1, share=lambda n: n)
    again = mutants_of(tmp_path, "module.py", seed=1, share=lambda n: 3)[1]
    assert mutants[:3] == again
    assert len(mutants) <= places
    assert {m.line for m in mutants} == {
        "def f(x: int | None, *, y: float = 2.0) -> int | str:",
        "if x is None:",
        "return x + 5",
    }
    for mutant in mutants:
        changed = mutant.put_into(code)
        assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(code))
        assert code.replace(mutant.line, mutant.becomes) == changed


def test_survivors_are_new_until_they_are_explained():
    def result(status):
        return {"module": "m.py", "line": "a", "becomes": status, "status": status, "row": 1, "operator": "O"}

    results = [result(status) for status in ("killed", "timeout", "import", "survived")]
    text, new = table({"m.py": 9}, results, {})
    assert new == 1
    assert "NEW m.py:1 O" in text
    assert "75 % (30-95)" in text
    assert table({"m.py": 9}, results, {"m.py\na\nsurvived": "harmless"})[1] == 0


def test_the_interval_is_the_published_one():
    # R. G. Newcombe (1998), Statistics in Medicine 17, 857-872, table I, method 3
    for (r, n), interval in {(81, 263): (0.2553, 0.3662), (15, 148): (0.0624, 0.1605), (0, 20): (0.0, 0.1611)}.items():
        assert wilson(r, n) == pytest.approx(interval, abs=5e-5)


def test_every_explanation_names_a_file_a_line_and_a_reason():
    pytest.importorskip("cosmic_ray")
    from tests.trust.mutants import ROOT, explanations

    for key, reason in explanations().items():
        module, line, _ = key.split("\n")
        assert (ROOT / module).exists()
        assert line
        assert len(reason) > 10
