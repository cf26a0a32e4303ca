"""Figures of latent search: maps of the latent space, training, distances, rewards, and searches side by side.

All functions take plain arrays, so that they draw records of any origin.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from qvar.runs import style
from qvar.simulators.errors import LatentError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "circuit_map",
    "course_figure",
    "distance_figure",
    "latent_map",
    "reward_figure",
    "training_figure",
]

_MOST_POINTS = 400
_FLOOR = 1e-6  # logarithmic axes have no zero

_Floats = NDArray[np.float64]


def circuit_map(features: ArrayLike, *, kind: str, seed: int = 0) -> _Floats:
    """Return circuits as points of a plane, shape (P, 2).

    Args:
        features: shape (P, d).
        kind: "pca" (the two directions of largest variance, signs fixed) or "t-sne".
        seed: seeds t-SNE.

    Raises:
        LatentError: for another kind, or fewer than four circuits.
    """
    x = np.asarray(features, dtype=np.float64)
    if x.ndim != 2 or len(x) < 4:
        raise LatentError(f"a map needs features of at least four circuits, shape (P, d), got shape {x.shape}")
    if kind == "pca":
        centred = x - x.mean(axis=0)
        directions = np.linalg.svd(centred, full_matrices=False)[2][:2]
        signs = np.sign(directions[np.arange(len(directions)), np.abs(directions).argmax(axis=1)])
        points = centred @ (directions * signs[:, None]).T
        return np.asarray(np.pad(points, ((0, 0), (0, 2 - points.shape[1]))))
    if kind == "t-sne":
        from sklearn.manifold import TSNE

        tsne = TSNE(perplexity=min(30.0, (len(x) - 1) / 3), init="pca", random_state=seed)
        return np.asarray(tsne.fit_transform(x), dtype=np.float64)
    raise LatentError(f"unknown map {kind!r}; known are pca and t-sne")


@style.styled
def latent_map(
    features: ArrayLike,
    values: ArrayLike | None = None,
    *,
    label: str = "reward",
    title: str = "",
    most: int = 3_000,
    seed: int = 0,
) -> "Figure":
    """Draw a map by principal components beside one by t-SNE, coloured by reward, the best circuits on top.

    Args:
        features: shape (P, d).
        values: what colours the circuits, shape (P,), None for one colour.
        label: what the values are.
        title: title of the figure.
        most: circuits drawn, chosen at random if there are more.
        seed: seeds the choice and t-SNE.
    """
    x = np.asarray(features, dtype=np.float64)
    rows = np.random.default_rng(seed).permutation(len(x))[:most]
    colours = None if values is None else np.asarray(values, dtype=np.float64)[rows]
    if colours is not None:
        order = np.argsort(colours, kind="stable")
        rows, colours = rows[order], colours[order]
    figure = style.new_figure(style.PAGE, 3.4)
    panels = figure.subplots(1, 2)
    drawn = None
    for axes, kind, name in zip(panels, ("pca", "t-sne"), ("principal components", "t-SNE"), strict=True):
        points = circuit_map(x[rows], kind=kind, seed=seed)
        look: dict[str, Any] = {"color": style.COLOURS[0]} if colours is None else {"c": colours, "cmap": "viridis"}
        drawn = axes.scatter(*points.T, s=4, linewidths=0, rasterized=True, **look)
        axes.set_title(name)
        axes.set_xticks([])
        axes.set_yticks([])
    if colours is not None and drawn is not None:
        figure.colorbar(drawn, ax=panels.tolist(), label=label)
    count = f"{len(rows):,} of {len(x):,} circuits" if len(rows) < len(x) else f"{len(x):,} circuits"
    _describe(figure, title, count, "each circuit is a dot; axes have no unit")
    return figure


@style.styled
def training_figure(
    panels: Mapping[str, Mapping[str, tuple[ArrayLike, ArrayLike]]], *, logarithmic: Sequence[str] = (), title: str = ""
) -> "Figure | None":
    """Draw the courses of a training, one panel for each group of them; None if there are none.

    Args:
        panels: by panel (its vertical label) and curve: epochs and values.
        logarithmic: panels whose values have a logarithmic axis.
        title: title of the figure.
    """
    from matplotlib.ticker import MaxNLocator

    drawn = {name: curves for name, curves in panels.items() if curves}
    if not drawn:
        return None
    figure = style.new_figure(style.PAGE if len(drawn) > 1 else style.COLUMN, 2.6)
    for axes, (name, curves) in zip(figure.subplots(1, len(drawn), squeeze=False)[0], drawn.items(), strict=True):
        for number, (label, (epochs, values)) in enumerate(curves.items()):
            axes.plot(np.asarray(epochs), np.asarray(values), label=label, **style.line(number, marks=True))
        if name in logarithmic:
            axes.set_yscale("log")
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        axes.set_ylabel(name, parse_math=False)
        axes.grid()
        style.legend(axes)
    _describe(figure, title or "training", ", ".join(drawn))
    return figure


@style.styled
def course_figure(
    courses: Mapping[str, tuple[ArrayLike, ArrayLike, ArrayLike, ArrayLike]],
    *,
    ylabel: str,
    by_chance: float | None = None,
    logarithmic: bool = False,
    n_seeds: int | None = None,
    title: str = "",
) -> "Figure | None":
    """Draw what searches have reached against evaluations spent: means over the seeds, with bands.

    Args:
        courses: by method: evaluations, mean, and both ends of its band, each of shape (n,), as
            `qvar.latent.search.study_result.StudyResult.curves` gives them. Methods may have different budgets.
        ylabel: what the numbers are.
        by_chance: gain per evaluation of drawing at random, drawn as a line from the origin; None for no line.
        logarithmic: whether the vertical axis is logarithmic; what is below 1e-6 is drawn there.
        n_seeds: over how many seeds the means go, for the legend; None if that is not known.
        title: title of the figure.

    Returns:
        The figure, None without any course.
    """
    if not courses:
        return None
    figure = style.new_figure()
    axes = figure.subplots()
    last = 0.0
    for number, (name, course) in enumerate(courses.items()):
        spent, mean, low, high = (np.asarray(values, dtype=np.float64) for values in course)
        if logarithmic:
            mean, low, high = (np.maximum(values, _FLOOR) for values in (mean, low, high))
        shown = np.unique(np.linspace(0, len(spent) - 1, min(len(spent), _MOST_POINTS)).round().astype(int))
        axes.fill_between(spent[shown], low[shown], high[shown], **style.band(number))
        axes.plot(spent[shown], mean[shown], label=name, **style.line(number, marks=True))
        last = max(last, float(spent[-1]))
    if by_chance is not None:
        axes.plot([0, last], [0, by_chance * last], color=style.GREY, linestyle=":", label="share in the pool")
    if logarithmic:
        axes.set_yscale("log")
    axes.set_xlabel("circuits evaluated")
    axes.set_ylabel(ylabel, parse_math=False)
    axes.grid()
    seeds = "seeds" if n_seeds is None else f"{n_seeds} seed{'' if n_seeds == 1 else 's'}"
    style.legend(axes, title=f"mean over {seeds};\nband: 95 % interval", outside=True)
    text = f"{title or ylabel}, against circuits evaluated"
    style.describe(figure, text, text)
    return figure


@style.styled
def distance_figure(
    latent: ArrayLike, edit: ArrayLike, near_latent: ArrayLike = (), near_edit: ArrayLike = (), *, title: str = ""
) -> "Figure":
    """Draw edit distance against latent distance: counts of pairs, and latent distance by edit distance as boxes.

    Args:
        latent: latent distances of random pairs, shape (n,).
        edit: edit distances of the same pairs, whole numbers.
        near_latent: latent distances of pairs of neighbours, added to the boxes.
        near_edit: their edit distances.
        title: title of the figure.
    """
    from matplotlib.colors import LogNorm

    latent, edit = np.asarray(latent, dtype=np.float64), np.asarray(edit, dtype=np.float64)
    all_latent = np.concatenate([latent, np.asarray(near_latent, dtype=np.float64)])
    all_edit = np.concatenate([edit, np.asarray(near_edit, dtype=np.float64)])
    figure = style.new_figure(style.PAGE, 3.0)
    left, right = figure.subplots(1, 2, sharey=True)
    levels = np.arange(np.floor(all_edit.min()), np.ceil(all_edit.max()) + 2) - 0.5
    image = left.hist2d(edit, latent, bins=[levels, 60], norm=LogNorm(), cmap="cividis", rasterized=True)[3]
    left.set_title("random pairs")
    left.set_xlabel("edit distance of the circuits")
    left.set_ylabel("L2 distance of their features")
    figure.colorbar(image, ax=left, label="pairs")
    places = np.unique(np.round(all_edit)).astype(int)
    groups = [all_latent[np.round(all_edit) == place] for place in places]
    median = {"color": style.ACCENT, "linewidth": 1.3}
    right.boxplot(groups, positions=places, widths=0.7, showfliers=False, manage_ticks=False, medianprops=median)
    right.set_title("random pairs and neighbours" if len(all_edit) > len(edit) else "random pairs")
    right.set_xlabel("edit distance of the circuits")
    right.grid(axis="y")
    _describe(figure, title, "boxes: median and quartiles, whiskers to 1.5 times their distance")
    return figure


@style.styled
def reward_figure(rewards: ArrayLike, threshold: float | None = None, *, title: str = "") -> "Figure":
    """Draw the histogram of the rewards of a pool, with the threshold above which a circuit is a candidate.

    Args:
        rewards: shape (P,).
        threshold: the threshold, None for none.
        title: title of the figure.
    """
    values = np.asarray(rewards, dtype=np.float64)
    figure = style.new_figure(style.COLUMN * 1.5, 2.6)
    axes = figure.subplots()
    axes.hist(
        values, bins=np.linspace(min(0.0, values.min()), max(1.0, values.max()), 81).tolist(), color=style.COLOURS[0]
    )
    axes.set_yscale("log")
    if threshold is not None:
        share = float((values >= threshold).mean())
        axes.axvline(threshold, color=style.ACCENT, linestyle="--", label=f"threshold {threshold:g}: {share:.2%} pass")
        style.legend(axes)
    axes.set_xlabel("reward")
    axes.set_ylabel("circuits")
    axes.grid(axis="y")
    _describe(
        figure, title or "rewards", f"{len(values):,} circuits, mean {values.mean():.3f}, best {values.max():.4f}"
    )
    return figure


def _describe(figure: "Figure", *parts: str) -> None:
    text = ": ".join(filter(None, parts))
    style.describe(figure, text, text)
