"""Minimizers of objectives, one signature for all, with honest counts of energies, gradients and shots.

Where an objective allows it, the loop of an optimizer runs in one compiled call (see `qvar.optimizers.loops`).
"""

from typing import TYPE_CHECKING

from qvar.simulators.lazy import lazy_names

if TYPE_CHECKING:
    from qvar.optimizers.adagrad import Adagrad
    from qvar.optimizers.adam import Adam
    from qvar.optimizers.adam_spsa import AdamSPSA
    from qvar.optimizers.aqgd import AQGD
    from qvar.optimizers.cobyla import Cobyla
    from qvar.optimizers.lbfgs import LBFGS
    from qvar.optimizers.limited_memory import CompactLBFGS, limited_memory_bfgs
    from qvar.optimizers.natural_gradient import QuantumNaturalGradient
    from qvar.optimizers.result import Minimum, Optimizer
    from qvar.optimizers.rotosolve import Rotosolve
    from qvar.optimizers.spsa import SPSA

_HOME = {
    "AQGD": "aqgd",
    "LBFGS": "lbfgs",
    "SPSA": "spsa",
    "Adagrad": "adagrad",
    "Adam": "adam",
    "AdamSPSA": "adam_spsa",
    "Cobyla": "cobyla",
    "CompactLBFGS": "limited_memory",
    "Minimum": "result",
    "Optimizer": "result",
    "QuantumNaturalGradient": "natural_gradient",
    "Rotosolve": "rotosolve",
    "limited_memory_bfgs": "limited_memory",
}

__all__ = [
    "AQGD",
    "LBFGS",
    "SPSA",
    "Adagrad",
    "Adam",
    "AdamSPSA",
    "Cobyla",
    "CompactLBFGS",
    "Minimum",
    "Optimizer",
    "QuantumNaturalGradient",
    "Rotosolve",
    "limited_memory_bfgs",
]

__getattr__, __dir__ = lazy_names(__name__, _HOME, __all__)
