"""The commands that list devices and jobs."""

from dataclasses import asdict
from pathlib import Path

from rich.console import Console

from qvar.cli.printing import print_json, print_line
from qvar.hardware import Ledger, Spent, list_backends
from qvar.report.hardware import backend_table, job_table
from qvar.simulators.errors import HardwareError

__all__ = ["jobs_command", "list_command"]


def list_command(*, fake: bool, min_qubits: int, as_json: bool) -> None:
    """Print the devices of the account, or the fake backends."""
    rows = list_backends(fake=fake, min_qubits=min_qubits)
    if as_json:
        print_json([asdict(row) for row in rows])
        return
    console = Console()
    console.print(backend_table(rows))
    if not fake:
        print_line("Fake backends, which need no account: qvar hardware list --fake", console)


def jobs_command(folder: Path, *, as_json: bool) -> None:
    """Print the jobs of an execution, and what they cost."""
    ledger = Ledger(folder)
    if not ledger.path.is_file():
        raise HardwareError(f"{folder} holds no jobs: {ledger.path.name} is missing")
    entries = ledger.entries()
    spent = Spent.of(entries)
    if as_json:
        print_json({"jobs": [asdict(entry) for entry in entries], "spent": asdict(spent)})
        return
    console = Console()
    console.print(job_table(entries))
    print_line(
        f"{spent.jobs} jobs, {spent.shots:,} shots, {spent.qpu_seconds:g} s used or reserved"
        + ("" if any(entry.is_real for entry in entries) else " (simulated: nothing was billed)"),
        console,
    )
