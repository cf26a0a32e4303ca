"""Graph variational auto-encoders of circuits: network, loss, training, accuracy and embedding."""

from typing import TYPE_CHECKING

from qvar.simulators.lazy import lazy_names

if TYPE_CHECKING:
    from qvar.latent.graph_vae.metrics import Metrics, evaluate
    from qvar.latent.graph_vae.model import GraphVae
    from qvar.latent.graph_vae.settings import GraphVaeSettings, Training
    from qvar.latent.graph_vae.training import Progress, pretrain

_HOME = {
    "GraphVae": "model",
    "GraphVaeSettings": "settings",
    "Metrics": "metrics",
    "Progress": "training",
    "Training": "settings",
    "evaluate": "metrics",
    "pretrain": "training",
}

__all__ = ["GraphVae", "GraphVaeSettings", "Metrics", "Progress", "Training", "evaluate", "pretrain"]

__getattr__, __dir__ = lazy_names(__name__, _HOME, __all__)
