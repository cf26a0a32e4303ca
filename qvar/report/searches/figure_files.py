"""Figures as files for papers: every figure of a report by name, written as PDF, SVG or PNG."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from qvar.report.searches.comparison import Setting, best_run, compare
from qvar.report.searches.figures import FIGURES, run_figure
from qvar.report.searches.records import RunRecord
from qvar.runs import style
from qvar.runs.artifacts import draw_circuit
from qvar.simulators import Circuit
from qvar.simulators.errors import QvarError, RunError
from qvar.simulators.files import write_atomically
from qvar.simulators.untrusted import refusing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["check_figure_folder", "run_figures", "setting_figures", "write_figures"]

_LONGEST_NAME = 200  # file systems take 255 bytes


def run_figures(records: Sequence[RunRecord]) -> "Iterator[tuple[str, Figure]]":
    """Yield the figures of every problem and noise by name; of the best run of each, its course and its circuit."""
    with refusing("the record", RunError):
        for setting in compare(records):
            yield from setting_figures(setting)
            name = f"{setting.first.task}-{setting.first.noise}"
            best = best_run(run for group in setting.groups for run in group.runs)
            if best is None:
                continue
            course = run_figure(best)
            if course is not None:
                yield f"{name}-best-course", course
            circuit = _circuit_figure(best)
            if circuit is not None:
                yield f"{name}-best-circuit", circuit


def setting_figures(setting: Setting) -> "Iterator[tuple[str, Figure]]":
    """Yield the figures of one problem and noise by name, as far as there is anything to draw."""
    for kind, make in FIGURES.items():
        figure = make(setting)
        if figure is not None:
            yield f"{setting.first.task}-{setting.first.noise}-{kind}", figure


def _circuit_figure(run: RunRecord) -> "Figure | None":
    try:
        circuit = Circuit.from_qasm((run.result or {})["qasm"])
    except (KeyError, QvarError):
        return None
    return draw_circuit(circuit, np.zeros(circuit.n_parameters)) if circuit.operations else None


def check_figure_folder(folder: Path) -> None:
    """Raise RunError unless figures can be written into a folder, there or to be made."""
    if (folder.exists() and not folder.is_dir()) or not folder.parent.is_dir():
        raise RunError(f"figures need a folder, {folder} is none and cannot be made; give another one")
    place = folder if folder.is_dir() else folder.parent
    if not os.access(place, os.W_OK | os.X_OK):
        raise RunError(f"figures cannot be written into {folder}: no permission to write in {place}; give another one")


def write_figures(folder: Path, figures: "Iterable[tuple[str, Figure]]", formats: Sequence[str]) -> list[Path]:
    """Write figures into a folder, which is made if need be; return the files.

    The same figures give the same bytes: text is text, with its font inside in PDF, and no date is written.

    Args:
        folder: the folder; files of the same names are replaced.
        figures: names and figures.
        formats: some of `qvar.runs.style.FORMATS`.

    Raises:
        RunError: if the folder cannot be made.
    """
    check_figure_folder(folder)
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise RunError(f"the folder {folder} of the figures cannot be made: {error.strerror}") from error
    written = []
    for name, figure in figures:
        for kind in formats:
            path = folder / f"{_file_name(name)}.{kind}"
            write_atomically(path, style.image(figure, kind))
            written.append(path)
    return written


def _file_name(name: str) -> str:
    """Return a name with dashes for all that a file name should not hold."""
    return re.sub(r"[^A-Za-z0-9._+-]+", "-", name).strip("-")[:_LONGEST_NAME]
