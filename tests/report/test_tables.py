"""Tables hold the numbers they were given."""

import io

import pytest
from rich.console import Console

from qvar.report import device_table, family_table, result_table, task_table

RESULT = {
    "energy": -1.0512345678,
    "noiseless_energy": -1.1371234567,
    "exact_energy": -1.1372701746,
    "error": 1.467179e-4,
    "depth": 11,
    "n_cnots": 3,
    "n_rotations": 17,
    "steps": 1234,
    "evaluations": 56789,
    "gradients": 4321,
    "shots": 0,
    "seconds": 12.345,
}


def rows(table):
    """Return the cells of a table as text, row by row."""
    return list(zip(*([str(cell) for cell in column.cells] for column in table.columns), strict=True))


def printed(table):
    stream = io.StringIO()
    Console(file=stream, width=200).print(table)
    return stream.getvalue()


def test_the_result_table_holds_every_number_of_the_result():
    table = result_table(RESULT, title="h2-4, seed 1")
    assert dict(rows(table)) == {
        "energy with noise (Ha)": "-1.051235",
        "same circuit without noise (Ha)": "-1.137123",
        "exact ground energy (Ha)": "-1.137270",
        "noiseless error (Ha)": "1.47e-04, within chemical accuracy",
        "depth": "11",
        "CNOTs": "3",
        "rotations": "17",
        "optimizations": "1,234",
        "energy evaluations": "56,789",
        "gradient evaluations": "4,321",
        "shots": "none (exact values)",
        "seconds": "12.3",
    }
    assert "h2-4, seed 1" in printed(table)


@pytest.mark.parametrize(
    ("error", "verdict"), [(1.59e-3, "within"), (1.6e-3, "within"), (1.61e-3, "outside"), (0.5, "outside")]
)
def test_the_verdict_is_about_the_noiseless_error(error, verdict):
    table = result_table(RESULT | {"error": error}, title="t")
    assert dict(rows(table))["noiseless error (Ha)"] == f"{error:.2e}, {verdict} chemical accuracy"


def test_other_units_have_no_chemical_accuracy():
    cells = dict(rows(result_table(RESULT, title="t", unit="J")))
    assert cells["noiseless error (J)"] == "1.47e-04"
    assert "energy with noise (J)" in cells
    assert not any("chemical" in cell or "Ha" in cell for row in cells.items() for cell in row)


@pytest.mark.parametrize(("error", "verdict"), [(0.9e-2, "within"), (1.1e-2, "outside")])
def test_infidelities_have_an_aim_of_their_own(error, verdict):
    cells = dict(rows(result_table(RESULT | {"error": error}, title="t", unit="infidelity")))
    assert cells["noiseless error (infidelity)"] == f"{error:.2e}, {verdict} the aim of 0.01"


def test_shots_are_counted():
    assert dict(rows(result_table(RESULT | {"shots": 1_500_000}, title="t")))["shots"] == "1,500,000"


@pytest.mark.parametrize("text", ["[/closing]", "[bold]fat[/bold]", "[link=x]"])
def test_names_in_brackets_are_printed_as_they_are(text):
    shown = printed(result_table(RESULT, title=f"title {text}", unit=text))
    assert f"title {text}" in shown
    assert f"exact ground energy ({text})" in shown


def test_the_task_table_holds_its_rows():
    row = {
        "task": "h2-2",
        "title": "hydrogen",
        "n_qubits": 2,
        "n_terms": 5,
        "exact_energy": -1.13727017,
        "hartree_fock_error": 2.0586e-2,
    }
    table = task_table([row, row | {"task": "chain", "hartree_fock_error": None}])
    assert rows(table) == [
        ("h2-2", "2", "5", "-1.13727017", "2.06e-02", "hydrogen"),
        ("chain", "2", "5", "-1.13727017", "", "hydrogen"),
    ]


def test_the_family_table_holds_its_rows_and_shows_brackets_as_they_are():
    row = {"task": "tfim-6", "family": "tfim-N[-periodic]", "title": "a chain", "n_qubits": 6, "unit": "J"}
    table = family_table([row | {"exact_energy": -7.29622981}])
    assert rows(table) == [("tfim-6", "6", "-7.29623 J", "a chain\ntfim-N[-periodic]")]
    assert "tfim-N[-periodic]" in printed(table)


def test_the_device_table_holds_its_rows():
    named = {"device": "ourense", "n_qubits": 4, "coupling": "0-1, 1-2", "title": "IBM Ourense"}
    table = device_table([named, named | {"device": "mumbai", "n_qubits": None, "coupling": "all"}])
    assert rows(table) == [
        ("ourense", "4", "0-1, 1-2", "IBM Ourense"),
        ("mumbai", "any", "all", "IBM Ourense"),
    ]
