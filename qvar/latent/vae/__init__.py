"""The family of variational auto-encoders, on ordinary arrays and as latent models of circuits."""

from typing import TYPE_CHECKING

from qvar.simulators.lazy import lazy_names

if TYPE_CHECKING:
    from qvar.latent.vae.ard import ArdVAE
    from qvar.latent.vae.beta import BetaVAE, PlainVAE
    from qvar.latent.vae.conditional import ConditionalVAE
    from qvar.latent.vae.hierarchical import HierarchicalVAE
    from qvar.latent.vae.multinomial import MultDAE, MultVAE
    from qvar.latent.vae.priors import ArdPrior, StandardNormal
    from qvar.latent.vae.schedules import KlSchedule
    from qvar.latent.vae.vble import LatentPosterior

_HOME = {
    "ArdPrior": "priors",
    "ArdVAE": "ard",
    "BetaVAE": "beta",
    "ConditionalVAE": "conditional",
    "HierarchicalVAE": "hierarchical",
    "KlSchedule": "schedules",
    "LatentPosterior": "vble",
    "MultDAE": "multinomial",
    "MultVAE": "multinomial",
    "PlainVAE": "beta",
    "StandardNormal": "priors",
}

__all__ = [
    "ArdPrior",
    "ArdVAE",
    "BetaVAE",
    "ConditionalVAE",
    "HierarchicalVAE",
    "KlSchedule",
    "LatentPosterior",
    "MultDAE",
    "MultVAE",
    "PlainVAE",
    "StandardNormal",
]

__getattr__, __dir__ = lazy_names(__name__, _HOME, __all__)
