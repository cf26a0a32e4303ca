"""Measure how smooth the features of a latent folder are, beside features that nobody trained, and keep the numbers."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from qvar.latent.controls import CONTROLS
from qvar.latent.folder import LatentFolder
from qvar.latent.graph_vae.model import GraphVae
from qvar.latent.smoothness import Smoothness, smoothness
from qvar.latent.tasks import RewardTable
from qvar.simulators.errors import LatentError

__all__ = ["measure_smoothness", "read_rewards"]

_MOST_PAIRS = 100_000
_PAIRS_PER_CIRCUIT = 50  # more from a small pool say the same again


def read_rewards(folder: LatentFolder, task: str) -> RewardTable:
    """Return the rewards of the pool for a task that was searched for.

    Raises:
        LatentError: if there are none.
    """
    about = folder.read_json(f"searches/{task}/task.json")
    if about is None:
        raise LatentError(f"there are no rewards for {task!r} in {folder.path}; search for it first")
    return RewardTable.load(folder.search_path(task) / "rewards" / f"{task}-{about['identity']}.npz")


def measure_smoothness(
    folder: LatentFolder, task: str | None = None, *, seed: int = 0, on_features: Callable[[str], None] | None = None
) -> dict[str, Smoothness]:
    """Return the smoothness of trained features, those of an untrained encoder, and the controls, by name.

    Measured once, a minute for 100,000 circuits, and kept in smoothness.json or smoothness-TASK.json.

    Args:
        folder: a trained latent space.
        task: whose rewards to compare with, None for edit distance alone.
        seed: of all that is drawn: pairs, folds, and the weights of the untrained encoder.
        on_features: told the name of every representation that is about to be measured.

    Raises:
        LatentError: if there are no rewards for the task, or too few circuits.
        RunError: if the space is not trained.
    """
    folder.check_pretrained()
    file = "smoothness.json" if task is None else f"smoothness-{task}.json"
    known = folder.read_json(file)
    if known is not None:
        return {name: Smoothness.from_dict(data) for name, data in known.items()}
    pool = folder.pool()
    rewards = None if task is None else read_rewards(folder, task).rewards
    untrained = GraphVae.untrained(pool.space, folder.model().settings, seed=seed)
    makers: dict[str, Callable[[], NDArray[np.float32]]] = {
        "trained": folder.features,
        "untrained encoder": lambda: untrained.embed(pool.structures),
        **{name: partial(make, pool.space, pool.structures) for name, make in CONTROLS.items()},
    }
    measured = {}
    for name, make in makers.items():
        if on_features is not None:
            on_features(name)
        measured[name] = smoothness(
            make(),
            pool.space,
            pool.structures,
            rewards,
            rng=np.random.default_rng(seed),
            name=name,
            n_pairs=min(_MOST_PAIRS, _PAIRS_PER_CIRCUIT * len(pool)),
        )
    folder.write_json(file, {name: one.to_dict() for name, one in measured.items()})
    return measured
