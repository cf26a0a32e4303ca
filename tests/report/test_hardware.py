"""What hardware measured, as it stands in the reports of a run."""

import json

import pytest

from qvar.hardware.record import HardwareRecord, MeasuredValue, Prediction
from qvar.report import read_runs, report_html, report_json, report_markdown
from qvar.report.hardware import hardware_cells, hardware_figure
from qvar.report.markdown import markdown_table
from qvar.simulators.errors import HardwareError
from tests.report.conftest import record

PLAIN = MeasuredValue(0, -1.03, 0.004, "job-0", 4000, 2.0, 2.5)
EXTRAPOLATED = MeasuredValue(2, -1.12, None, "job-2", 12000, 6.0, None)
MEASURED = HardwareRecord(
    title="h2-2",
    unit="Ha",
    exact=-1.13727,
    backend="ibm_example",
    is_real=True,
    qubits=(4, 5),
    layout=(5, 4),
    fidelity=0.97,
    two_qubit_gates=2,
    depth=9,
    prediction=Prediction(noiseless=-1.1371, pauli_transfer=-1.05, aer=None, spread=0.4),
    shots=1600,
    measured=(PLAIN, EXTRAPOLATED),
)


@pytest.fixture
def run(make_run):
    path = make_run("run", records=[record(1, 5, 0.1)], result={})
    folder = path / "hardware" / "first"
    folder.mkdir(parents=True)
    (folder / "hardware.json").write_text(json.dumps(MEASURED.to_dict()))
    return path


def rows_by_name(records):
    return {row[0]: row[1:] for row in hardware_cells(records)[1]}


def test_a_measured_value_lies_as_many_standard_errors_off_as_its_shots_make_them():
    value, error, sigma, shots, seconds = rows_by_name([MEASURED])["ibm_example, as measured"]
    assert (value, error, shots, seconds) == ("-1.03000", "0.00400", "4,000", "2.5")
    assert float(sigma) == pytest.approx((-1.03 + 1.05) / (0.4 / 1600**0.5))


def test_what_is_not_known_is_left_empty_or_said_so():
    rows = rows_by_name([MEASURED])
    assert rows["ibm_example, zero-noise extrapolated"] == ["-1.12000", "", "", "12,000", "not billed yet"]
    assert rows["noiseless"] == ["-1.13710", "", "", "", ""]
    assert "predicted, Qiskit Aer" not in rows


def test_every_kind_of_report_holds_the_same_table(run):
    records = read_runs([run])
    (measured,) = report_json(records)["settings"][0]["runs"][0]["hardware"]
    assert HardwareRecord.from_dict(measured) == MEASURED
    page, text = report_html(records), report_markdown(records)
    headings, rows = hardware_cells([MEASURED])
    assert markdown_table(headings, rows) in text
    for row in rows:
        assert f'<th scope="row">{row[0]}</th>' + "".join(f"<td>{cell}</td>" for cell in row[1:]) in page
    assert "".join(f'<th scope="col">{heading}</th>' for heading in headings) in page


def test_a_run_that_was_not_measured_says_nothing_of_hardware(make_run):
    records = read_runs([make_run("other", records=[record(1, 5, 0.1)], result={})])
    assert "hardware" not in report_html(records) + report_markdown(records)


def test_the_figure_shows_every_measured_value_with_its_error_and_the_predictions():
    (panel,) = hardware_figure([MEASURED]).axes
    labels = [text.get_text() for text in panel.get_yticklabels()]
    assert labels == ["as measured", "zero-noise extrapolated"]
    places = {line.get_label(): line.get_xdata()[0] for line in panel.lines}
    assert (places["exact"], places["noiseless"], places["predicted"]) == (-1.13727, -1.1371, -1.05)


def test_a_damaged_record_is_named(run):
    (run / "hardware" / "first" / "hardware.json").write_text("{")
    with pytest.raises(HardwareError, match=r"hardware\.json is damaged"):
        report_markdown(read_runs([run]))
