"""What a shell offers after TAB: names of tasks, devices, presets, algorithms and models, and folders of records.

A shell waits for this at every TAB, so nothing heavy is loaded: names whose modules load slowly are written down
here, and a test compares them with the modules.
"""

import os
import re
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from importlib.util import find_spec
from pathlib import Path

__all__ = [
    "ALGORITHMS",
    "CLASSIFIERS",
    "FEATURES",
    "LATENT_METHODS",
    "OPTIMIZERS",
    "PRESETS",
    "backends",
    "classifiers",
    "datasets",
    "executions",
    "join_words",
    "latent_folders",
    "latent_tasks",
    "listed",
    "named",
    "noises",
    "records",
    "runs",
    "tasks",
]

Completer = Callable[[str], list[str]]
"""From what is typed so far to what it may become."""

ALGORITHMS = ("annealing", "evolution", "greedy", "ddqn", "ppo", "random")
PRESETS = ("qvar", "crlqas", "crlqas-halting", "crlqas-no-halting", "crlqas-exact", "crlqas-exact-halting")
OPTIMIZERS = ("lbfgs", "compact-lbfgs", "cobyla", "adam-spsa", "spsa", "rotosolve", "adam", "adagrad", "aqgd")
CLASSIFIERS = (
    *("classical", "published", "equal-budget", "best"),
    *("svm", "gradient-boosting", "random-forest", "logistic-regression", "mlp", "majority"),
    *("vqc-aqgd-100", "vqc-aqgd-150", "vqc-cobyla-100", "vqc-cobyla-150", "vqc-aqgd-100-exact", "vqc-aqgd-150-exact"),
    *("vqc-cobyla-8100", "vqc-spsa-8100", "vqc-adam-spsa-8100", "vqc-adam-100", "vqc-lbfgs-100", "vqc-qng-100"),
    *("vqc-untrained", "vqc", "vqc-pauli", "vqc-product", "vqc-majority", "vqc-noisy", "vqc-shots", "reuploading"),
    *("quantum-kernel", "projected-kernel", "qiskit-vqc", "qiskit-qsvc", "pennylane"),
)
FEATURES = (
    *("raw", "pca", "pls", "counts-pca", "tfidf-pca", "tfidf-svd", "chi2-words", "chi2-pca", "tfidf-pls", "tfidf"),
    *("embeddings-pca", "embeddings-pls", "embeddings"),
)
LATENT_METHODS = (
    *("all", "random", "reinforce", "reinforce-width", "dngo", "gp-logei", "gp-qlogei", "gp-probability", "gp-ucb"),
    *("gp-trust-region", "evolution", "neighbours", "forest", "gnn", "gsqas", "proxies", "mutation", "prior"),
    *("perturbation", "crossover", "cross-entropy", "gradient", "guided-logei", "guided-probability"),
    *("guided-mutation", "forest-latent", "forest-mutation", "forest-mutation-gates"),
)

_AFTER_COLON = "_QVAR_AFTER_COLON"
_ROOTS = ("runs", "sweeps", "comparisons", "latent")
_MARKS = ("config.json", "sweep.json")


def named(names: Iterable[str]) -> Completer:
    """Return what completes one of some names."""
    return lambda incomplete: [name for name in names if name.startswith(incomplete)]


def listed(complete: Completer) -> Completer:
    """Return what completes the last word of a list that is separated by commas."""

    def last(incomplete: str) -> list[str]:
        before, comma, word = incomplete.rpartition(",")
        return [f"{before}{comma}{name}" for name in complete(word)]

    return last


def tasks(incomplete: str) -> list[str]:
    """Complete the name of a molecule, or of an example of a family."""
    from qvar.problems.catalogue import FAMILIES
    from qvar.problems.molecules import tasks as molecules

    return named((*molecules(), *(family.example for family in FAMILIES)))(incomplete)


def join_words(environment: MutableMapping[str, str]) -> None:
    """Undo what bash does to fake:NAME, which it takes for the three words fake, colon and NAME.

    It wants NAME alone as an answer, so that `noises` is told to leave out the first two.

    Args:
        environment: what bash asks with; changed in place.
    """
    split = re.fullmatch(r"(.*\s)\S*fake\s:(?:\s(\S*))?", environment.get("COMP_WORDS", ""), flags=re.DOTALL)
    if environment.get("_QVAR_COMPLETE") == "complete_bash" and split is not None:
        removed = 1 if split[2] is None else 2
        environment["COMP_WORDS"] = f"{split[1]}{split[2] or ''}"
        environment["COMP_CWORD"] = str(int(environment["COMP_CWORD"]) - removed)
        environment[_AFTER_COLON] = "1"


def noises(incomplete: str) -> list[str]:
    """Complete the name of a built-in device or, after "fake:", of a fake backend."""
    from qvar.simulators.devices import DEVICES

    own = () if _AFTER_COLON in os.environ else ("none", *DEVICES)
    return [*named(own)(incomplete), *backends(incomplete)]


def backends(incomplete: str) -> list[str]:
    """Complete the name of a fake backend; those of an account are not asked for."""
    if _AFTER_COLON in os.environ:
        return named(name.removeprefix("fake:") for name in _fakes())(incomplete)
    return named(_fakes() if incomplete.startswith("fake:") else ("fake:",))(incomplete)


def _fakes() -> Iterator[str]:
    """Yield fake backends by the folders they are in; loading them takes seconds."""
    spec = find_spec("qiskit_ibm_runtime")
    for root in [] if spec is None else spec.submodule_search_locations or []:
        for folder in sorted((Path(root) / "fake_provider" / "backends").glob("[a-z]*")):
            yield f"fake:Fake{''.join(word.capitalize() for word in folder.name.split('_'))}"


def datasets(incomplete: str) -> list[str]:
    """Complete the name of a data set."""
    from qvar.classify.datasets import DATASETS

    return named(DATASETS)(incomplete)


def classifiers(incomplete: str) -> list[str]:
    """Complete the name of a classifier or a group of them."""
    return named(CLASSIFIERS)(incomplete)


def latent_tasks(incomplete: str) -> list[str]:
    """Complete the name of a task of latent search."""
    from qvar.latent.tasks import latent_task_names

    return named(latent_task_names())(incomplete)


def records(incomplete: str) -> list[str]:
    """Complete the folder of a run, a sweep, a comparison or a latent space."""
    return list(_folders(incomplete, _MARKS))


def runs(incomplete: str) -> list[str]:
    """Complete the folder of a run."""
    return list(_folders(incomplete, ("metrics.jsonl",)))


def latent_folders(incomplete: str) -> list[str]:
    """Complete the folder of a latent space."""
    return list(_folders(incomplete, ("pool.npz",)))


def executions(incomplete: str) -> list[str]:
    """Complete the folder of an execution on hardware, where `qvar hardware run` puts it by default."""
    found = (
        file for pattern in ("hardware/*", "runs/*/hardware/*") for file in Path().glob(f"{pattern}/experiment.json")
    )
    return named(sorted(str(file.parent) for file in found))(incomplete)


def _folders(incomplete: str, marks: tuple[str, ...]) -> Iterator[str]:
    """Yield folders with one of the files, in the folder typed so far, and where commands put records by default.

    Without any the shell offers files as usual.
    """
    parent = Path(incomplete) if incomplete.endswith("/") else Path(incomplete).parent
    places = dict.fromkeys((parent, *(Path(root) for root in _ROOTS if not incomplete or root.startswith(incomplete))))
    for place in places:
        for folder in sorted(place.iterdir()) if place.is_dir() else ():
            if str(folder).startswith(incomplete.removeprefix("./")) and any((folder / m).is_file() for m in marks):
                yield str(folder)
