"""Print JSON, circuits, and lines as they are."""

import json
import sys
from typing import Any

from rich.console import Console

from qvar.simulators import Circuit

__all__ = ["print_circuit", "print_json", "print_line"]


def print_json(data: Any) -> None:
    """Print JSON on standard output."""
    sys.stdout.write(json.dumps(data, indent=1) + "\n")


def print_circuit(circuit: Circuit, console: Console) -> None:
    """Print the text drawing of a circuit, folded to the console."""
    console.print(str(circuit.draw(width=console.width)), highlight=False, markup=False)


def print_line(text: str, console: Console) -> None:
    """Print a line as it is: names and paths in it are neither markup nor wrapped."""
    console.print(text, highlight=False, markup=False, soft_wrap=True)
