"""The quantum rows of a comparison: the study of arXiv 2102.08949, the same circuit at equal budgets, and our best.

The circuit of the study is `zz_feature_map` of two repetitions on features in (0, 1), `efficient_su2` of three, and the
majority of all qubits: the defaults of its time, since its settings are not published. On five features that is 40
angles, so that a step of AQGD costs 81 evaluations of the loss and a step of COBYLA one: "100 epochs" of both have
budgets of 81 to 1. The rows at equal budget spend the 8,100 evaluations of AQGD-100, a gradient counting as the 81
evaluations that a device would need. On other numbers of features a gradient costs more or less, so that the budgets
differ: the column of circuits tells.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from qvar.classify.comparison.models import Kind, ModelSpec
from qvar.classify.readout import PauliReadout

__all__ = ["QUANTUM"]

_BUDGET = 8100
_STEPS = 100

_CLASSIFIERS = {
    "VariationalClassifier": "qvar.classify",
    "DataReuploadingClassifier": "qvar.classify",
    "QuantumKernelClassifier": "qvar.classify",
    "PennyLaneClassifier": "qvar.classify.bridges",
    "QiskitQSVC": "qvar.classify.bridges",
    "QiskitVQC": "qvar.classify.bridges",
}
_STUDY: Mapping[str, Any] = {
    "feature_map": "zz_feature_map",
    "feature_range": (0.0, 1.0),
    "ansatz": "efficient_su2",
    "ansatz_reps": 3,
    "readout": "majority",
}
_GRID: Mapping[str, Sequence[Any]] = {
    "feature_map": ["angle", "z_feature_map"],
    "ansatz_reps": [3, 5],
    "readout": ["one-qubit", PauliReadout(scale=4.0), PauliReadout(scale=8.0)],
}


@dataclass(frozen=True)
class _Make:
    """Makes a classifier of a seed; imports it, and the optimizer, when it is needed."""

    classifier: str
    settings: Mapping[str, Any]
    optimizer: tuple[str, Mapping[str, Any]] | None = None
    noise: str | None = None

    def __call__(self, seed: int) -> Any:
        chosen: dict[str, Any] = {}
        if self.noise is not None:
            from qvar.simulators import NoiseModel, PauliTransferSimulator

            chosen["engine"] = PauliTransferSimulator(NoiseModel.named(self.noise))
        if self.optimizer is not None:
            name, budget = self.optimizer
            chosen["optimizer"] = getattr(import_module("qvar.optimizers"), name)(**budget)
        kind = getattr(import_module(_CLASSIFIERS[self.classifier]), self.classifier)
        return kind(**self.settings, **chosen, random_state=seed)


def _study(name: str, optimizer: str, note: str, *, kind: Kind = "quantum", **budget: Any) -> ModelSpec:
    return ModelSpec(name, kind, _Make("VariationalClassifier", _STUDY, (optimizer, budget)), note=note)


def _best(
    name: str,
    classifier: str,
    note: str,
    *,
    steps: int = _STEPS,
    kind: Kind = "quantum",
    grid: Mapping[str, Sequence[Any]] | None = None,
    **settings: Any,
) -> ModelSpec:
    make = _Make(classifier, settings, ("LBFGS", {"max_iterations": steps}))
    return ModelSpec(name, kind, make, grid or {}, note)


QUANTUM: tuple[ModelSpec, ...] = (
    *(
        _study(
            f"vqc-aqgd-{n}",
            "AQGD",
            f"AQGD, {n} steps, loss shifted as in 2021",
            max_iterations=n,
            gradient="loss-shift",
        )
        for n in (100, 150)
    ),
    *(_study(f"vqc-cobyla-{n}", "Cobyla", f"COBYLA, {n} evaluations", max_evaluations=n) for n in (100, 150)),
    *(_study(f"vqc-aqgd-{n}-exact", "AQGD", f"AQGD, {n} steps, true gradient", max_iterations=n) for n in (100, 150)),
    _study(
        "vqc-cobyla-8100",
        "Cobyla",
        f"COBYLA, {_BUDGET} evaluations: equal budget on five features",
        max_evaluations=_BUDGET,
    ),
    _study(
        "vqc-spsa-8100", "SPSA", f"SPSA, {_BUDGET} evaluations: equal budget on five features", max_evaluations=_BUDGET
    ),
    _study(
        "vqc-adam-spsa-8100",
        "AdamSPSA",
        f"Adam-SPSA, {_BUDGET} evaluations: equal budget on five features",
        max_evaluations=_BUDGET,
    ),
    _study("vqc-adam-100", "Adam", "Adam, 100 gradients: equal budget", max_iterations=_STEPS, displacement=0.0),
    _study("vqc-lbfgs-100", "LBFGS", "L-BFGS, 100 iterations: about equal budget", max_iterations=_STEPS),
    _study(
        "vqc-qng-100",
        "QuantumNaturalGradient",
        "natural gradient, 100 gradients: equal budget, its metrics simulated and not counted",
        max_iterations=_STEPS,
    ),
    _study("vqc-untrained", "Cobyla", "the circuit of the study, untrained", kind="floor", max_evaluations=0),
    _best("vqc", "VariationalClassifier", "angles as features, one qubit read, L-BFGS", grid=_GRID),
    _best("vqc-pauli", "VariationalClassifier", "as vqc, softmax of Pauli strings read", readout="pauli"),
    _best(
        "vqc-product",
        "VariationalClassifier",
        "as vqc, without entanglement, majority read",
        kind="ablation",
        ansatz="product",
        readout="majority",
    ),
    _best(
        "vqc-majority",
        "VariationalClassifier",
        "as vqc, majority read: what vqc-product is to be compared with",
        kind="ablation",
        readout="majority",
    ),
    ModelSpec(
        "vqc-noisy",
        "quantum",
        _Make("VariationalClassifier", {}, ("LBFGS", {"max_iterations": _STEPS}), noise="mumbai-median"),
        note="as vqc, trained and tested under the median noise of IBM Mumbai",
    ),
    ModelSpec(
        "vqc-shots",
        "quantum",
        _Make("VariationalClassifier", {"shots": 1024}, ("Adam", {"max_iterations": _STEPS, "displacement": 0.0})),
        note="as vqc, 1024 shots per circuit, Adam by probability shift",
    ),
    _best(
        "reuploading",
        "DataReuploadingClassifier",
        "data uploaded three times on two qubits, L-BFGS",
        steps=50,
        grid={"n_layers": [2, 3], "bandwidth": [0.5, 1.0]},
    ),
    ModelSpec(
        "quantum-kernel",
        "quantum",
        _Make("QuantumKernelClassifier", {}),
        {"C": [0.1, 1.0, 10.0, 100.0], "bandwidth": [0.25, 0.5, 1.0]},
        "fidelity kernel of the ZZ feature map in a support vector machine",
    ),
    ModelSpec(
        "projected-kernel",
        "quantum",
        _Make("QuantumKernelClassifier", {"kernel": "projected"}),
        {"C": [0.1, 1.0, 10.0, 100.0], "bandwidth": [0.25, 0.5, 1.0]},
        "Gaussian kernel of one-qubit states",
    ),
    ModelSpec(
        "qiskit-vqc",
        "quantum",
        _Make("QiskitVQC", {}),
        note="qiskit-machine-learning's VQC, COBYLA, 100 evaluations, its readout of qubit 0",
    ),
    ModelSpec(
        "qiskit-qsvc", "quantum", _Make("QiskitQSVC", {}), {"C": [0.1, 1.0, 10.0]}, "qiskit-machine-learning's QSVC"
    ),
    ModelSpec(
        "pennylane",
        "quantum",
        _Make("PennyLaneClassifier", {}),
        note="PennyLane: angle embedding, strongly entangling layers, Adam, 100 steps",
    ),
)
"""Rows by name in `find_model`; making one imports the simulators."""
