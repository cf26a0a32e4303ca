"""The command `qvar latent tasks`: tasks, methods of search, and spaces, by name."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from qvar.cli.latent.search import DEFAULT_METHODS
from qvar.cli.printing import print_json, print_line
from qvar.latent.search.catalogue import GENERATIVE_METHODS, METHODS, method_to_dict
from qvar.latent.search.generative.contract import GenerativeMethod
from qvar.latent.search.method import PoolMethod
from qvar.latent.searching import Mode
from qvar.latent.space import CircuitSpace
from qvar.latent.tasks import find_latent_task, latent_task_names
from qvar.report.latent.tables import rich_table

__all__ = ["list_command"]


def list_command(*, as_json: bool) -> None:
    """Print what goes by name."""
    tasks = [_task(name) for name in latent_task_names()]
    modes: dict[Mode, Mapping[str, PoolMethod] | Mapping[str, GenerativeMethod]]
    modes = {"pool": METHODS, "generative": GENERATIVE_METHODS}
    methods: list[dict[str, Any]] = [
        {"method": name, "mode": mode, "default": name in DEFAULT_METHODS[mode], "settings": method_to_dict(method)}
        for mode, known in modes.items()
        for name, method in known.items()
    ]
    spaces = [{"space": f"published, {n} qubits", **CircuitSpace.published(n).to_dict()} for n in (4, 8, 12)]
    if as_json:
        print_json({"tasks": tasks, "methods": methods, "spaces": spaces})
        return
    console = Console()
    rows = [(t["task"], str(t["n_qubits"]), f"{t['threshold']:g}", t["title"]) for t in tasks]
    console.print(rich_table((("task", "qubits", "threshold", ""), rows), title="Tasks"))
    named = [(m["method"], m["mode"], "default" if m["default"] else "") for m in methods]
    console.print(rich_table((("method", "", ""), named), title="Methods of search"))
    sizes = [(s["space"], str(s["n_gates"]), str(s["max_depth"]), ", ".join(s["gates"])) for s in spaces]
    console.print(rich_table((("space", "gates", "depth", "gate pool"), sizes), title="Spaces"))
    print_line("Also: ghz-N, w-N, random-state-N-seedS, any problem of `qvar tasks`, and TASK@DEVICE.", console)
    print_line("METHOD-published are the authors' settings; --space TASK takes the space of a task.", console)


def _task(name: str) -> dict[str, Any]:
    task = find_latent_task(name)
    return {
        "task": name,
        "title": task.title,
        "n_qubits": task.n_qubits,
        "threshold": task.threshold,
        "n_gates": task.space.n_gates,
        "source": task.source,
        "note": task.note,
    }
