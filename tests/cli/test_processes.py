"""The command as it is started by a shell: streams, exit codes, and what it does not load."""

import json
import subprocess
import sys
from importlib.metadata import version

import pytest

HEAVY = ("torch", "pennylane", "qiskit_ibm_runtime", "numba", "qiskit", "scipy", "matplotlib", "gymnasium")


def modules_after(code):
    """Return which of the heavy packages are loaded after running code in a process of its own."""
    program = f"import sys\n{code}\nsys.stderr.write(','.join(m for m in {HEAVY} if m in sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return done.stderr, done.stdout


def test_importing_qvar_loads_nothing_heavy():
    assert modules_after("import qvar; import qvar.cli")[0] == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["search", "--help"],
        ["sweep", "--help"],
        ["report", "--help"],
        ["latent", "search", "--help"],
        ["--version"],
    ],
    ids=" ".join,
)
def test_help_and_version_load_nothing_heavy(arguments):
    loaded, out = modules_after(f"from qvar.cli import main\ntry: main({arguments})\nexcept SystemExit: pass")
    assert loaded == ""
    assert "Usage: qvar" in out or version("qvar-toolkit") in out


def test_the_trap_notices_a_heavy_import():
    assert modules_after("import qiskit")[0].startswith("qiskit")


def test_the_version_is_that_of_the_distribution(qvar_process):
    outcome = qvar_process("--version")
    assert (outcome.code, outcome.out, outcome.err) == (0, f"qvar {version('qvar-toolkit')}\n", "")


def test_a_search_prints_json_alone_and_its_record_can_be_shown(qvar_process, own_folder):
    searched = qvar_process("search", "h2-2", "--episodes", 2, "--max-gates", 3, "--json", "--out", "run")
    assert (searched.code, searched.err) == (0, "")
    result = json.loads(searched.out)
    assert result["run"] == "run"
    shown = qvar_process("show", "run", "--json")
    assert (shown.code, shown.err) == (0, "")
    assert json.loads(shown.out)["energy"] == result["energy"]


def test_wrong_input_is_exit_code_2_and_one_line_on_stderr(qvar_process, own_folder):
    outcome = qvar_process("search", "h2-22")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("error: unknown problem 'h2-22'")
    assert outcome.err.count("\n") == 1
    assert list(own_folder.iterdir()) == []


def test_the_installed_command_is_the_same_program(own_folder):
    from importlib.metadata import entry_points

    (entry,) = entry_points(group="console_scripts", name="qvar")
    assert entry.value == "qvar.cli:main"
    assert callable(entry.load())


def test_an_interruption_inside_of_executed_text_keeps_its_exit_code(tmp_path):
    program = """
import os, signal, sys
from qvar.cli import main
class Interrupter:
    @staticmethod
    def find_spec(name, *_):
        if name == "qvar.cli.app":
            exec("os.kill(os.getpid(), signal.SIGTERM); [k for k in range(10**6)]")
sys.meta_path.insert(0, Interrupter)
main(["tasks"])
"""
    (tmp_path / "program.py").write_text(program)
    words = [sys.executable, "-m", "program"]  # as `python -m qvar`
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (143, "interrupted\n")
