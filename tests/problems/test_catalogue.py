"""Every name finds the problem of that key, and every problem keeps through files, copies and changes of process."""

import json
import pickle
import re
from pathlib import Path

import pytest

from qvar.envs import ArchitectureSearchEnv
from qvar.problems import FAMILIES, Problem, find_problem, molecule, tasks
from qvar.problems.catalogue import is_problem_name
from qvar.simulators.errors import ProblemError

EXAMPLES = [family.example for family in FAMILIES]
NAMES = [*EXAMPLES, "tfim-4-periodic-j-1-h0.5", "heisenberg-3-periodic-jx0-h0.25", "ghz-2", "random-unitary-1-seed0"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_the_key_of_what_it_finds_and_the_problem_keeps_through_a_file(name: str, tmp_path: Path) -> None:
    problem = find_problem(name)
    assert problem.key == name
    problem.to_json(tmp_path / "problem.json")
    again = Problem.from_json(tmp_path / "problem.json")
    assert again == problem == pickle.loads(pickle.dumps(problem))  # noqa: S301 - our own bytes
    assert (again.n_qubits, again.n_references) == (problem.n_qubits, problem.n_references)
    assert is_problem_name(name)
    assert ("n_references" in problem.to_dict()) == (problem.n_references > 0)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_forms_fit_the_examples(name: str) -> None:
    (family,) = (family for family in FAMILIES if family.example == name)
    optional = re.sub(r"\[(.*?)\]", r"(?:\1)?", family.form)
    assert re.fullmatch(re.sub(r"(?<![a-z])[A-Z]|(?<=[a-z])[A-Z]", r"-?[0-9.]+", optional), name)
    assert name.startswith(family.stem)


def test_molecules_are_found_as_before() -> None:
    assert all(find_problem(key) is molecule(key) for key in tasks())
    assert all("n_references" not in molecule(key).to_dict() for key in tasks())


def test_units_have_their_aims() -> None:
    aims = {find_problem(name).unit: find_problem(name).accuracy for name in (*EXAMPLES, "h2-2")}
    assert aims == {"Ha": 1.6e-3, "infidelity": 1e-2, "J": None, "edges": None}


def test_an_environment_finds_problems_by_name() -> None:
    env = ArchitectureSearchEnv("qft-2", max_gates=5)
    observation, info = env.reset(seed=0)
    assert env.problem.key == "qft-2"
    assert env.action_table.n_qubits == 2
    assert env.observation_space.contains(observation)
    assert info["energy"] == pytest.approx(0.875)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("benzene", "unknown problem 'benzene'; there are the molecules h2-2, .* such as tfim-6"),
        ("h2_4", "did you mean 'h2-4'"),
        ("toffoly", "did you mean 'toffoli'"),
        ("TFIM-x", "the form tfim-N"),
        ("tfim-6-h", "for example tfim-6"),
        ("tfim-06", "for example tfim-6"),
        ("maxcut-ring", "the form maxcut-ring-N"),
        ("random-state-3", "the form random-state-N-seedS"),
        ("tfim-1", "at least 2 spins"),
        ("maxcut-regular3-5-seed1", "no graph"),
        ("", "unknown problem ''"),
        (None, "a name is a text"),
        (3, "a name is a text"),
    ],
)
def test_a_name_of_nothing_says_what_there_is(name: object, message: str) -> None:
    with pytest.raises(ProblemError, match=message):
        find_problem(name)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["ZZ", "0.5*ZZ - XI", "h2-9", "problem.json", ""])
def test_other_texts_are_no_names(text: str) -> None:
    assert not is_problem_name(text)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_references": 3}, "at most 2 can be references"),
        ({"n_references": -1}, "at least 0"),
        ({"n_references": 0.5}, "whole number"),
        ({"n_references": None}, "whole number"),
        ({"version": 2}, "version 2"),
    ],
)
def test_stored_references_are_checked(changes: dict[str, object], message: str) -> None:
    data = json.loads(json.dumps(find_problem("qft-2").to_dict()))
    with pytest.raises(ProblemError, match=message):
        Problem.from_dict(data | changes)
