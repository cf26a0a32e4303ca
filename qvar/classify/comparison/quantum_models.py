"""The quantum rows of a comparison: the study of arXiv 2102.08949, the same circuit at equal budgets, and ablations.

All of them read `zz_feature_map` of two repetitions and `efficient_su2` of three, the defaults of the source's time; on
five features that is 40 angles. An AQGD step then costs 81 objective evaluations, a step of COBYLA one: the rows of the
study have budgets of 81 to 1. The rows "at equal budget" spend the 8,100 evaluations of AQGD-100 each, counting a
gradient as the 80 shifted evaluations that a device would need.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from qvar.classify.comparison.models import Kind, ModelSpec

__all__ = ["QUANTUM"]

_BUDGET = 8100
_STEPS = 100  # of a method with gradients: 100 x (2 x 40 + 1) = 8,100

_GRID: Mapping[str, Sequence[Any]] = {
    "bandwidth": [0.5, 1.0, 2.0],
    "readout": ["parity", "majority", "one-qubit"],
}


def _vqc(seed: int, *, optimizer: Callable[[], Any], **settings: Any) -> Any:
    """Return the variational classifier with this optimizer, imported when it is needed."""
    from qvar.classify import VariationalClassifier

    circuit = {"feature_map": "zz_feature_map", "ansatz": "efficient_su2", "feature_map_reps": 2, "ansatz_reps": 3}
    return VariationalClassifier(
        **{**circuit, "readout": "majority", **settings}, optimizer=optimizer(), random_state=seed
    )


def _optimizer(name: str, **settings: Any) -> Any:
    from qvar import optimizers

    return getattr(optimizers, name)(**settings)


def _row(
    name: str, optimizer: str, budget: Mapping[str, Any], *, kind: Kind = "quantum", note: str, **settings: Any
) -> ModelSpec:
    make = partial(_vqc, optimizer=partial(_optimizer, optimizer, **budget), **settings)
    return ModelSpec(name, kind, make, _GRID, note)


QUANTUM: tuple[ModelSpec, ...] = (
    *(
        _row(
            f"vqc-aqgd-{steps}{suffix}",
            "AQGD",
            {"max_iterations": steps, "gradient": gradient},
            note=f"AQGD, {steps} steps, {words}",
        )
        for steps in (100, 150)
        for suffix, gradient, words in (
            ("", "loss-shift", "loss shifted as in 2021"),
            ("-exact", "probability-shift", "true gradient"),
        )
    ),
    *(
        _row(f"vqc-cobyla-{n}", "Cobyla", {"max_evaluations": n}, note=f"COBYLA, {n} objective evaluations")
        for n in (100, 150)
    ),
    _row("vqc-cobyla-8100", "Cobyla", {"max_evaluations": _BUDGET}, note="COBYLA at equal budget"),
    _row("vqc-spsa", "SPSA", {"max_evaluations": _BUDGET}, note="SPSA at equal budget"),
    _row("vqc-adam", "Adam", {"max_iterations": _STEPS}, note="Adam at equal budget"),
    _row("vqc-lbfgs", "LBFGS", {"max_iterations": _STEPS}, note="L-BFGS at equal budget, by iterations"),
    _row("vqc-qng", "QuantumNaturalGradient", {"max_iterations": _STEPS}, note="natural gradient at equal budget"),
    _row(
        "vqc-product",
        "AQGD",
        {"max_iterations": _STEPS},
        kind="ablation",
        ansatz="product",
        feature_map="z_feature_map",
        note="no entanglement anywhere, AQGD, 100 steps, true gradient",
    ),
    _row(
        "vqc-untrained",
        "AQGD",
        {"max_iterations": 0},
        kind="floor",
        note="the circuit with angles at random, untrained",
    ),
)
"""Rows by name in `find_model`; making one imports the simulators."""
