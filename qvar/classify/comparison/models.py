"""What a comparison can put side by side: classifiers by name, tuned or not, with true or with shuffled labels."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from importlib import import_module
from typing import Any, Literal

import numpy as np

from qvar.simulators.errors import ClassifierError

__all__ = ["CLASSICAL", "GROUPS", "Kind", "ModelSpec", "find_model", "find_models", "model_names"]

Kind = Literal["quantum", "classical", "floor", "ablation"]
"""What a row is for: a floor is what any model must beat, an ablation lacks the part whose worth is in question."""

_TUNED, _SHUFFLED = "-tuned", "-shuffled"
_MOST_WRITTEN_OUT = 100
_MOST_CANDIDATES = 100  # an inner search of more is not what anybody meant


@dataclass(frozen=True)
class ModelSpec:
    """A model of a comparison.

    Args:
        name: its name in tables; letters, digits and "._+-".
        kind: what its row is for.
        make: gives the unfitted scikit-learn classifier of a seed; it must be the same one for the same seed.
        grid: values by parameter of that classifier, tried in every combination by the inner cross-validation of a
            tuned model; {} if there is nothing to tune.
        note: what a reader of the table should know.
        is_tuned: whether the grid is searched on the training part; otherwise the classifier stays as it is made.
        is_shuffled: whether the labels of the training part are permuted first: a negative control, which must end at
            chance.

    Raises:
        ClassifierError: for a name unfit for tables, an unknown kind, an unfit grid, or a tuned model without one.
    """

    name: str
    kind: Kind
    make: Callable[[int], Any] = field(compare=False)
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict, compare=False)
    note: str = ""
    is_tuned: bool = False
    is_shuffled: bool = False

    def __post_init__(self) -> None:
        if not self.name or not all(c.isalnum() or c in "._+-" for c in self.name):
            raise ClassifierError(f"a model's name is made of letters, digits and ._+-, got {self.name!r}")
        if self.kind not in ("quantum", "classical", "floor", "ablation"):
            raise ClassifierError(f"a model is quantum, classical, a floor or an ablation, got {self.kind!r}")
        n = 1
        for name, values in self.grid.items():
            if isinstance(values, str) or not len(values):
                raise ClassifierError(f"the grid of {self.name} needs a list of values for {name}, got {values!r}")
            n *= len(values)
        if n > _MOST_CANDIDATES:
            raise ClassifierError(f"the grid of {self.name} has {n} combinations; {_MOST_CANDIDATES} is the most")
        if self.is_tuned and not self.grid:
            raise ClassifierError(f"{self.name} has no grid, so that there is nothing to tune")

    def tuned(self) -> "ModelSpec":
        """Return the model tuned by an inner cross-validation, its name ending in -tuned.

        Raises:
            ClassifierError: if it has no grid.
        """
        return self if self.is_tuned else replace(self, name=self.name + _TUNED, is_tuned=True)

    def shuffled(self) -> "ModelSpec":
        """Return the negative control: the same model trained on permuted labels, its name ending in -shuffled."""
        note = "; ".join(filter(None, [self.note, "labels of the training part permuted: must end at chance"]))
        if self.is_shuffled:
            return self
        return replace(self, name=self.name + _SHUFFLED, kind="ablation", note=note, is_shuffled=True)

    def to_dict(self) -> dict[str, Any]:
        """Return what makes the model, as JSON-able data: the identity of its cells in a record."""
        classifier = self.make(0)
        parameters = {
            name: describe(value) for name, value in classifier.get_params(deep=False).items() if name != "random_state"
        }
        return {
            "name": self.name,
            "kind": self.kind,
            "class": f"{type(classifier).__module__}.{type(classifier).__qualname__}",
            "parameters": parameters,
            "grid": {name: [describe(value) for value in values] for name, values in self.grid.items()},
            "note": self.note,
            "is_tuned": self.is_tuned,
            "is_shuffled": self.is_shuffled,
        }


def describe(value: Any) -> Any:
    """Return a setting as JSON-able data: plain values as they are, objects by representation, data by digest."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if abs(value) < float("inf") else repr(value)
    if isinstance(value, Mapping):
        return {str(name): describe(part) for name, part in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        parts = [describe(part) for part in (value.tolist() if isinstance(value, np.ndarray) else value)]
        if len(parts) <= _MOST_WRITTEN_OUT:
            return parts
        return f"{len(parts)} entries, sha256 {hashlib.sha256(json.dumps(parts).encode()).hexdigest()}"
    text = " ".join(repr(value).split())
    return text.split(" at 0x")[0]  # an address would differ every time


def _sklearn(home: str, seed: int, **settings: Any) -> Any:
    """Return a classifier of scikit-learn, imported when it is needed."""
    module, name = home.rsplit(".", 1)
    kind = getattr(import_module(f"sklearn.{module}"), name)
    seeded = {"random_state": seed} if "random_state" in kind().get_params() else {}
    return kind(**seeded, **settings)


def _classical(name: str, home: str, grid: Mapping[str, Sequence[Any]], note: str = "", **settings: Any) -> ModelSpec:
    return ModelSpec(name, "classical", partial(_sklearn, home, **settings), grid, note)


CLASSICAL: tuple[ModelSpec, ...] = (
    _classical(
        "svm",
        "svm.SVC",
        {"C": [0.1, 1.0, 10.0, 100.0], "gamma": ["scale", 0.01, 0.1, 1.0]},
        "support vector machine with a Gaussian kernel",
    ),
    _classical(
        "gradient-boosting",
        "ensemble.GradientBoostingClassifier",
        {"learning_rate": [0.03, 0.1], "n_estimators": [100, 300], "max_depth": [1, 3]},
        "boosted trees",
    ),
    _classical(
        "random-forest",
        "ensemble.RandomForestClassifier",
        {"max_features": ["sqrt", None], "min_samples_leaf": [1, 3, 10]},
        "bagged trees",
    ),
    _classical(
        "logistic-regression",
        "linear_model.LogisticRegression",
        {"C": [0.01, 0.1, 1.0, 10.0, 100.0]},
        "linear",
        max_iter=1000,
    ),
    _classical(
        "mlp",
        "neural_network.MLPClassifier",
        {"hidden_layer_sizes": [[10], [100], [50, 50]], "alpha": [1e-4, 1e-2, 1.0]},
        "neural network of one hidden layer of 100",
        max_iter=1000,
    ),
    ModelSpec(
        "majority",
        "floor",
        partial(_sklearn, "dummy.DummyClassifier", strategy="prior"),
        note="the most frequent class of the training part",
    ),
)
"""The models of scikit-learn; settings are its defaults unless given here."""


GROUPS: Mapping[str, tuple[str, ...]] = {
    "classical": tuple(model.name for model in CLASSICAL),
    "published": ("vqc-aqgd-100", "vqc-aqgd-150", "vqc-cobyla-100", "vqc-cobyla-150", "vqc-untrained"),
    "equal-budget": (
        *("vqc-aqgd-100", "vqc-aqgd-100-exact", "vqc-cobyla-8100", "vqc-spsa-8100", "vqc-adam-spsa-8100"),
        *("vqc-adam-100", "vqc-lbfgs-100", "vqc-qng-100"),
    ),
    "best": (
        *(
            "vqc",
            "vqc-pauli",
            "vqc-tuned",
            "vqc-majority",
            "vqc-product",
            "vqc-shuffled",
            "vqc-noisy",
            "vqc-shots",
            "reuploading",
        ),
        *("quantum-kernel-tuned", "projected-kernel-tuned", "svm-tuned", "logistic-regression-tuned"),
        *("random-forest-tuned", "gradient-boosting-tuned"),
    ),
}
"""Names of several models at once."""


def _registry() -> dict[str, ModelSpec]:
    from qvar.classify.comparison.quantum_models import QUANTUM

    return {model.name: model for model in (*CLASSICAL, *QUANTUM)}


def model_names() -> tuple[str, ...]:
    """Return the names that `find_model` knows, without the variants -tuned and -shuffled."""
    return tuple(_registry())


def find_model(name: str) -> ModelSpec:
    """Return a model by name; NAME-tuned is tuned, NAME-shuffled is the control with permuted labels.

    Raises:
        ClassifierError: for an unknown name, or a tuned variant of a model without a grid.

    Example:
        >>> find_model("svm-tuned").is_tuned
        True
    """
    models = _registry()
    if name in models:
        return models[name]
    for suffix, variant in ((_SHUFFLED, ModelSpec.shuffled), (_TUNED, ModelSpec.tuned)):
        if name.endswith(suffix):
            return variant(find_model(name.removesuffix(suffix)))
    raise ClassifierError(
        f"unknown model {name!r}; there are {', '.join(models)}, each also as NAME{_TUNED} and NAME{_SHUFFLED}, "
        f"and the groups {', '.join(GROUPS)}"
    )


def find_models(names: Sequence[str]) -> tuple[ModelSpec, ...]:
    """Return models by name, groups of `GROUPS` written out, each model once.

    Raises:
        ClassifierError: as `find_model`.
    """
    written_out = dict.fromkeys(name for word in names for name in GROUPS.get(word, (word,)))
    return tuple(map(find_model, written_out))
