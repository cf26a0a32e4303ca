"""A figure of results over seeds: every value, their mean and its standard error."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from qvar.runs import style
from qvar.simulators.errors import RunError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["seed_figure"]


def seed_figure(
    panels: Mapping[str, Mapping[str, ArrayLike]],
    *,
    logarithmic: Sequence[str] = (),
    lines: Mapping[str, tuple[str, float]] = MappingProxyType({}),
) -> "Figure":
    """Draw results of several methods over seeds: dots for the seeds, a diamond and bar for mean and standard error.

    Args:
        panels: by horizontal label (with its unit) and method: one value per seed, shape (n_seeds,). A method that a
            panel lacks leaves its row empty there.
        logarithmic: panels, by label, with a logarithmic axis; their values must be positive.
        lines: by panel, a label and a value drawn as a dotted line.

    Raises:
        RunError: without any value, or for values that a logarithmic axis cannot show.
    """
    values = {label: {name: np.asarray(v, dtype=float) for name, v in rows.items()} for label, rows in panels.items()}
    names = list(dict.fromkeys(name for rows in values.values() for name in rows))
    given = [row for rows in values.values() for row in rows.values()]
    if not given or any(row.ndim != 1 or not len(row) or not np.isfinite(row).all() for row in given):
        raise RunError("this figure needs at least one method, and a list of finite values for each")
    if any(row.min() <= 0 for label in logarithmic for row in values[label].values()):
        raise RunError("a logarithmic axis shows positive values only; take a linear one, or clip the values")
    figure = style.new_figure(style.COLUMN * len(values) + 2.0, 0.34 * len(names) + 1.3)
    for axes, (label, rows) in zip(
        figure.subplots(1, len(values), sharey=True, squeeze=False)[0], values.items(), strict=True
    ):
        for name, row in rows.items():
            place = names.index(name)
            error = row.std(ddof=1) / np.sqrt(len(row)) if len(row) > 1 else 0.0
            axes.plot(row, np.full(len(row), place), "o", color=style.COLOURS[5], markersize=4, alpha=0.7)
            axes.errorbar([row.mean()], [place], xerr=[error], fmt="D", color=style.ACCENT, markersize=5, capsize=4)
        if label in lines:
            name, value = lines[label]
            axes.axvline(value, color="0.3", linestyle=":", label=name)
            for text in axes.legend(fontsize="x-small").get_texts():
                text.set_parse_math(False)
        if label in logarithmic:
            axes.set_xscale("log")
        axes.set_xlabel(label, parse_math=False)
        axes.grid(alpha=0.3, axis="x")
        axes.set_yticks(range(len(names)), names, parse_math=False)
        axes.set_ylim(len(names) - 0.5, -0.5)
    return figure
