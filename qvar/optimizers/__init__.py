"""Minimizers of objectives, one signature for all, with honest counts of energies, gradients and shots."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from qvar.optimizers.adam_spsa import AdamSPSA
    from qvar.optimizers.cobyla import Cobyla
    from qvar.optimizers.lbfgs import LBFGS
    from qvar.optimizers.result import Minimum, Optimizer

_HOME = {
    "LBFGS": "lbfgs",
    "AdamSPSA": "adam_spsa",
    "Cobyla": "cobyla",
    "Minimum": "result",
    "Optimizer": "result",
}

__all__ = ["LBFGS", "AdamSPSA", "Cobyla", "Minimum", "Optimizer"]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
