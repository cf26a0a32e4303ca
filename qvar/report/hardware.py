"""What hardware measured beside what was predicted: tables, and a figure with error bars."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from qvar.hardware.record import HardwareRecord, MeasuredValue, Prediction, read_record
from qvar.runs import style
from qvar.simulators.errors import HardwareError
from qvar.simulators.untrusted import refusing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from rich.table import Table

    from qvar.hardware import BackendRow, Entry

__all__ = [
    "backend_table",
    "hardware_cells",
    "hardware_figure",
    "hardware_rows",
    "hardware_table",
    "job_table",
    "prediction_table",
    "records_of_run",
]

_LEVELS = {0: "as measured", 1: "read-out mitigated", 2: "zero-noise extrapolated"}


def records_of_run(run: Path) -> tuple[HardwareRecord, ...]:
    """Return what hardware gave for the circuit of a run, by folder name; unfinished executions are left out.

    Raises:
        HardwareError: if a record is damaged.
    """
    return tuple(read_record(file.parent) for file in sorted(run.glob("hardware/*/hardware.json")))


def hardware_rows(record: HardwareRecord) -> list[tuple[str, float, float | None, float | None]]:
    """Return the values of a record as rows of name, value, standard error, and deviation in standard errors."""
    predicted = record.prediction
    rows: list[tuple[str, float | None, float | None, float | None]] = [
        ("exact ground energy" if record.unit == "Ha" else "lowest eigenvalue", record.exact, None, None),
        ("noiseless", predicted.noiseless, None, None),
        ("predicted, Pauli transfer", predicted.pauli_transfer, None, None),
        ("predicted, Qiskit Aer", predicted.aer, None, None),
    ]
    rows += [(_name(record, m), m.value, m.error, record.deviation(m)) for m in record.measured]
    return [(name, value, error, deviation) for name, value, error, deviation in rows if value is not None]


def _name(record: HardwareRecord, measured: MeasuredValue) -> str:
    return f"{record.backend}, {_LEVELS[measured.resilience_level]}"


@refusing("the record", HardwareError)
def hardware_cells(records: Sequence[HardwareRecord]) -> tuple[list[str], list[list[str]]]:
    """Return the values of records with their errors, jobs and costs, as headings and rows of text."""
    units = sorted({record.unit or "value" for record in records})
    headings = ["", f"value ({', '.join(units)})", "± error", "sigma", "shots", "QPU s"]
    rows = []
    for record in records:
        jobs = {_name(record, m): m for m in record.measured}
        for name, value, error, deviation in hardware_rows(record):
            job = jobs.get(name)
            rows.append(
                [
                    name,
                    f"{value:.5f}",
                    "" if error is None else f"{error:.5f}",
                    "" if deviation is None else f"{deviation:+.1f}",
                    "" if job is None else f"{job.shots:,}",
                    "" if job is None else _seconds(record, job),
                ]
            )
    return headings, rows


@refusing("the record", HardwareError)
def hardware_table(records: Sequence[HardwareRecord]) -> "Table":
    """Return `hardware_cells` for a terminal or a notebook."""
    from rich.text import Text

    table = _table(f"{records[0].title}" if len({r.title for r in records}) == 1 else "hardware")
    headings, rows = hardware_cells(records)
    table.add_column(headings[0])
    for heading in headings[1:]:
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _seconds(record: HardwareRecord, job: MeasuredValue) -> str:
    if not record.is_real:
        return f"({job.estimated_seconds:.1f})"  # what the device would have taken
    return "not billed yet" if job.used_seconds is None else f"{job.used_seconds:.1f}"


def prediction_table(prediction: Prediction, *, title: str, unit: str) -> "Table":
    """Return what a device is expected to measure."""
    table = _table(title)
    table.add_column("")
    table.add_column(f"value ({unit or 'value'})", justify="right")
    names = {
        "noiseless": prediction.noiseless,
        "Pauli transfer": prediction.pauli_transfer,
        "Qiskit Aer": prediction.aer,
    }
    for name, value in names.items():
        table.add_row(name, "too many qubits" if value is None else f"{value:.6f}")
    return table


def backend_table(rows: "Sequence[BackendRow]") -> "Table":
    """Return backends with their size, queue, gates and median errors."""
    table = _table("Backends; errors are medians of those in use")
    table.add_column("backend", no_wrap=True)
    for heading in ("qubits", "queue", "two-qubit error", "read-out error"):
        table.add_column(heading, justify="right")
    table.add_column("gates")
    for row in rows:
        queue = "" if row.queue is None else str(row.queue)
        table.add_row(
            row.name,
            str(row.qubits),
            queue if row.operational else "out of service",
            "" if row.two_qubit_error is None else f"{row.two_qubit_error:.2e}",
            "" if row.readout_error is None else f"{row.readout_error:.2e}",
            " ".join(gate for gate in row.native_gates if gate in _SHOWN),
        )
    return table


_SHOWN = ("cx", "cz", "ecr", "rx", "rz", "rzz", "sx", "u1", "u2", "u3", "x")


@refusing("the record", HardwareError)
def job_table(entries: "Sequence[Entry]") -> "Table":
    """Return the jobs of a ledger."""
    table = _table(f"Jobs on {', '.join(sorted({entry.backend for entry in entries}))}")
    for heading in ("job id", "state"):
        table.add_column(heading, overflow="fold")
    for heading in ("shots", "reserved s", "used s"):
        table.add_column(heading, justify="right")
    table.add_column("submitted (UTC)")
    for entry in entries:
        when = datetime.fromtimestamp(entry.time, tz=UTC).strftime("%Y-%m-%d %H:%M")
        used = "" if entry.usage is None else f"{entry.usage:.1f}"
        state = entry.state if entry.reason is None else f"{entry.state}: {entry.reason}"
        table.add_row(entry.job_id or "", state, f"{entry.shots:,}", f"{entry.seconds:g}", used, when)
    return table


def _table(title: str) -> "Table":
    from rich.box import SIMPLE
    from rich.table import Table
    from rich.text import Text

    return Table(title=Text(title, style="table.title"), title_justify="left", box=SIMPLE, padding=(0, 1))


@style.styled
@refusing("the record", HardwareError)
def hardware_figure(records: Sequence[HardwareRecord]) -> "Figure":
    """Draw predictions as lines and measured values with bars of one standard error, one panel a record."""
    figure = style.new_figure(style.PAGE, 0.9 + 1.3 * len(records))
    for panel, record in zip(figure.subplots(len(records), 1, squeeze=False)[:, 0], records, strict=True):
        _draw(panel, record)
    title = " / ".join(sorted({record.title for record in records}))
    style.describe(figure, title, f"Hardware beside predictions: {'; '.join(map(_in_words, records))}.")
    return figure


def _in_words(record: HardwareRecord) -> str:
    rows = (f"{name} {value:.5f}" + (f" ± {e:.5f}" if e else "") for name, value, e, _ in hardware_rows(record))
    return f"{record.backend}: {', '.join(rows)}"


def _draw(panel: "Axes", record: HardwareRecord) -> None:
    lines = (
        ("exact", record.exact, style.GREY, ":"),
        ("noiseless", record.prediction.noiseless, style.COLOURS[2], "--"),
        ("predicted", record.prediction.pauli_transfer, style.COLOURS[0], "-"),
    )
    for label, value, colour, dashes in lines:
        if value is not None:
            panel.axvline(value, color=colour, linestyle=dashes, label=label)
    if record.prediction.aer is not None:
        panel.plot([record.prediction.aer], [-0.6], "D", color=style.COLOURS[5], label="predicted by Aer")
    for place, measured in enumerate(record.measured):
        panel.errorbar(measured.value, place, xerr=measured.error, fmt="o", color=style.ACCENT, capsize=3.0)
    panel.set_yticks(range(len(record.measured)), [_LEVELS[m.resilience_level] for m in record.measured])
    panel.set_ylim(-1, len(record.measured) - 0.4)
    panel.set_title(record.backend, parse_math=False)
    name = "energy" if record.unit in ("Ha", "J") else "value"
    panel.set_xlabel(f"{name} ({style.unit(record.unit)})" if record.unit else name, parse_math=False)
    style.legend(panel, outside=True)
