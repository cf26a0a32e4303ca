"""Measure how smooth the features of a latent folder are, beside features that nobody trained, and keep the numbers."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from qvar.latent.controls import CONTROLS
from qvar.latent.distance import EditDistances
from qvar.latent.folder import LatentFolder
from qvar.latent.graph_vae.model import GraphVae
from qvar.latent.smoothness import Smoothness, smoothness
from qvar.latent.tasks import RewardTable
from qvar.simulators.errors import LatentError

__all__ = ["measure_smoothness", "read_rewards"]

_MOST_PAIRS = 100_000
_PAIRS_PER_CIRCUIT = 20  # more from a small pool say the same again


def read_rewards(folder: LatentFolder, task: str) -> RewardTable:
    """Return the rewards of the pool for a task that was searched for.

    Raises:
        LatentError: if there are none.
    """
    identity = _identity(folder, task)
    files = list((folder.search_path(task) / "rewards").glob(f"*-{identity}.npz"))
    if identity is None or not files:
        raise LatentError(f"there are no rewards of the pool for {task!r} in {folder.path}; search it for that task")
    return RewardTable.load(files[0])


def measure_smoothness(
    folder: LatentFolder,
    tasks: Sequence[str | None] = (None,),
    *,
    seed: int = 0,
    on_features: Callable[[str], None] | None = None,
) -> dict[str | None, dict[str, Smoothness]]:
    """Return the smoothness of trained features, of those of an untrained encoder, and of the controls, by task.

    Measured once, in about a minute for 100,000 circuits, and kept in smoothness.json or smoothness-TASK.json; anew
    for another seed, or other rewards.

    Args:
        folder: a trained latent space.
        tasks: whose rewards to compare with, None for edit distance alone.
        seed: of all that is drawn: pairs, folds, and the weights of the untrained encoder.
        on_features: told the name of every representation that is about to be measured.

    Raises:
        LatentError: if there are no rewards for a task, or too few circuits.
        RunError: if the space is not trained.
    """
    folder.check_pretrained()
    of = {task: {"seed": seed, "rewards": None if task is None else _identity(folder, task)} for task in tasks}
    known = {task: folder.read_json(_file(task)) or {} for task in tasks}
    measured = {
        task: {name: Smoothness.from_dict(data) for name, data in content["features"].items()}
        for task, content in known.items()
        if content.get("of") == of[task]
    }
    left = {task: _rewards(folder, task) for task in tasks if task not in measured}
    if not left:
        return measured
    pool = folder.pool()
    untrained = GraphVae.untrained(pool.space, folder.model().settings, seed=seed)
    makers: dict[str, Callable[[], NDArray[np.float32]]] = {
        "trained": folder.features,
        "untrained encoder": lambda: untrained.embed(pool.structures),
        **{name: partial(make, pool.space, pool.structures) for name, make in CONTROLS.items()},
    }
    edit_distance = EditDistances(pool.space, pool.structures)
    n_pairs = min(_MOST_PAIRS, _PAIRS_PER_CIRCUIT * len(pool))
    fresh: dict[str | None, dict[str, Smoothness]] = {task: {} for task in left}
    for name, make in makers.items():
        if on_features is not None:
            on_features(name)
        features = make()
        for task, rewards in left.items():
            rng = np.random.default_rng(seed)
            fresh[task][name] = smoothness(features, edit_distance, rewards, rng=rng, name=name, n_pairs=n_pairs)
    for task, found in fresh.items():
        content = {"of": of[task], "features": {name: one.to_dict() for name, one in found.items()}}
        folder.write_json(_file(task), content)
    return measured | fresh


def _file(task: str | None) -> str:
    return "smoothness.json" if task is None else f"smoothness-{task}.json"


def _identity(folder: LatentFolder, task: str) -> str | None:
    return (folder.read_json(f"searches/{task}/task.json") or {}).get("identity")


def _rewards(folder: LatentFolder, task: str | None) -> NDArray[np.float64] | None:
    return None if task is None else read_rewards(folder, task).ideal_rewards
