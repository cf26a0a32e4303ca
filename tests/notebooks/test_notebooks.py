"""Every notebook runs from top to bottom, and what is committed is what it gives."""

import ast
import importlib.util
import json
import math
import re
from pathlib import Path

import pytest

SPEC = importlib.util.spec_from_file_location("notebook_execution", Path(__file__).with_name("execute.py"))
execution = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(execution)

MOST_BYTES = 500_000
MOST_LINES = 15
LONGEST_HELPER = 5
NUMBER = re.compile(r"(?<![A-Za-z_])[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
MACHINE_PATH = re.compile(r"(?<![\w.])(?:/(?:home|Users|root|tmp|work|var|opt|usr|mnt|private)/|[A-Z]:\\\\)")
TOKEN = re.compile(r"(?<![\w-])(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[\w-]{40,}")

every_notebook = pytest.mark.parametrize("path", execution.NOTEBOOKS, ids=lambda path: path.stem)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def words_of(notebook):
    """All text that a reader sees: sources, and outputs that are not pictures."""
    for cell in notebook.cells:
        yield cell.source
        for output in cell.get("outputs", []):
            yield from texts_of(output)


def texts_of(output):
    """The texts of one output; a plain text beside a picture only names it."""
    if output.output_type == "stream":
        return [output.text]
    data = output.get("data", {})
    if any(kind.startswith("image/") for kind in data):
        return []
    return [text for kind, text in sorted(data.items()) if kind.startswith("text/")]


def same(first, second):
    """Whether two texts have the same words, and numbers equal to 2 % or one unit of the last digit shown."""
    if NUMBER.split(first) != NUMBER.split(second):
        return False
    return all(map(close, NUMBER.findall(first), NUMBER.findall(second)))


def close(first, second):
    return math.isclose(float(first), float(second), rel_tol=0.02, abs_tol=1.01 * max(unit(first), unit(second)))


def unit(number):
    """The last digit shown: 0.01 for 1.25, 0 for whole numbers."""
    mantissa, _, exponent = number.lower().partition("e")
    decimals = len(mantissa.partition(".")[2])
    return 10.0 ** (int(exponent or 0) - decimals) if decimals else 0.0


def test_there_are_notebooks():
    assert execution.NOTEBOOKS


@every_notebook
@pytest.mark.slow
def test_a_notebook_runs_and_gives_what_is_committed(path):
    committed, fresh = execution.read(path), execution.executed(path)
    for old, new in zip(code_cells(committed), code_cells(fresh), strict=True):
        kinds = [[(o.output_type, sorted(o.get("data", {}))) for o in cell.outputs] for cell in (old, new)]
        assert kinds[0] == kinds[1], old.source
        assert all(o.get("name") != "stderr" for o in new.outputs), new.outputs  # a warning is one
        if "varies" not in old.metadata.get("tags", []):
            for before, after in zip(old.outputs, new.outputs, strict=True):
                for first, second in zip(texts_of(before), texts_of(after), strict=True):
                    assert same(first, second), f"{old.source}\n\ncommitted:\n{first}\nfresh:\n{second}"


@every_notebook
def test_the_committed_outputs_are_of_one_run_from_top_to_bottom(path):
    cells = code_cells(execution.read(path))
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert outputs
    assert all(output.output_type != "error" and output.get("name") != "stderr" for output in outputs)
    assert any("image/png" in output.get("data", {}) for output in outputs)


@every_notebook
def test_a_committed_notebook_says_nothing_about_the_machine_it_ran_on(path):
    notebook = execution.read(path)
    assert notebook.metadata == execution.METADATA
    assert all(set(cell.metadata) <= {"tags"} for cell in notebook.cells)
    text = "\n".join(words_of(notebook))
    assert MACHINE_PATH.findall(text) == []
    assert TOKEN.findall(text) == []
    assert str(Path.home()) not in text


@every_notebook
def test_a_notebook_is_small_and_thin(path):
    assert path.stat().st_size < MOST_BYTES
    notebook = execution.read(path)
    for cell in code_cells(notebook):
        assert lines_of(cell.source) <= MOST_LINES, cell.source
        if not path.name.startswith("07"):  # your own problem is your own code
            assert longest_helper(cell.source) <= LONGEST_HELPER, cell.source
    assert notebook.cells[0].source.startswith("# ")


def parsed(source):
    return ast.parse("\n".join(line for line in source.splitlines() if not line.startswith("%")))


def lines_of(source):
    """Lines of a cell that are not imports."""
    imports = (ast.Import, ast.ImportFrom)
    return sum(n.end_lineno - n.lineno + 1 for n in parsed(source).body if not isinstance(n, imports))


def longest_helper(source):
    """Lines of the longest function or class of a cell."""
    kinds = (ast.FunctionDef, ast.ClassDef)
    return max((n.end_lineno - n.lineno + 1 for n in ast.walk(parsed(source)) if isinstance(n, kinds)), default=0)


@every_notebook
def test_a_notebook_is_written_as_the_command_writes_it(path):
    assert json.loads(path.read_text(encoding="utf-8"))["nbformat_minor"] >= 5
    assert path.read_text(encoding="utf-8") == execution.nbformat.writes(execution.read(path)) + "\n"


def test_numbers_may_differ_in_their_last_digit_and_words_may_not():
    assert same("E = -1.1372 Ha", "E = -1.1373 Ha")
    assert same("2.0e-03 and 41 gates", "2.03e-03 and 41 gates")
    assert not same("41 gates", "43 gates")
    assert not same("0.50", "0.53")
    assert not same("0.50 Ha", "0.50 eV")


def test_paths_and_tokens_are_found():
    assert MACHINE_PATH.search("saved in /home/somebody/runs")
    assert not MACHINE_PATH.search("runs/home/best.qasm, h2-4 and/or work/energy")
    assert TOKEN.search("token = " + "a1B2c3D4" * 6)
    assert not TOKEN.search("-" * 80 + " and a-word-of-several-parts")


@pytest.mark.parametrize(
    ("source", "what"),
    [("1 / 0", "ZeroDivisionError"), ("import time\ntime.sleep(60)", "timed out")],
    ids=["an error", "an endless cell"],
)
@pytest.mark.slow
def test_what_goes_wrong_in_a_notebook_is_not_swallowed(source, what, tmp_path, monkeypatch):
    monkeypatch.setattr(execution, "SECONDS_PER_CELL", 2)
    path = tmp_path / "broken.ipynb"
    new = execution.nbformat.v4
    execution.nbformat.write(new.new_notebook(cells=[new.new_code_cell(source)]), path)
    with pytest.raises(Exception, match=what):
        execution.executed(path)
