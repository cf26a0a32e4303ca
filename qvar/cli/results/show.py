"""The command `qvar show`: the result of a run, and the tables of any other record."""

from pathlib import Path

from rich.console import Console

from qvar.cli.printing import print_circuit, print_json, print_line
from qvar.report import result_table
from qvar.report.hardware import hardware_table, records_of_run
from qvar.report.kinds import record_kind
from qvar.runs import RunFolder
from qvar.simulators import Circuit
from qvar.simulators.errors import RunError
from qvar.simulators.untrusted import UNREADABLE

__all__ = ["show_run"]


def show_run(path: Path, *, as_json: bool) -> None:
    """Print the result, the circuit and the files of a run; of any other record its tables."""
    if record_kind(path) != "run":
        from qvar.cli.results.report import find_report

        report = find_report([path], quiet=True, measure=False)
        print_json(report.data()) if as_json else report.show(Console())
        return
    folder = RunFolder.open(path)
    result = folder.result()
    if as_json:
        executed = [record.to_dict() for record in records_of_run(path)]
        print_json({"id": folder.id, **result} | ({"hardware": executed} if executed else {}))
        return
    console = Console()
    try:
        problem, engine = folder.config["problem"], folder.config["engine"]
        device = "no noise" if engine["noise"] is None else engine["noise"]["name"]
        title = f"{problem['key']}, {device}, seed {folder.config['seed']}"
        console.print(result_table(result, title=title, unit=problem["unit"]))
        print_circuit(Circuit.from_qasm(result["qasm"]), console)
    except UNREADABLE as error:
        raise RunError(f"the record in {path} is incomplete or damaged: {error!r}") from error
    if records := records_of_run(path):
        console.print(hardware_table(records))
    files = sorted(p.name for p in path.iterdir() if not p.name.startswith("."))
    print_line(f"run {folder.id} in {path}: {', '.join(files)}", console)
