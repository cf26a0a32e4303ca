"""Graph variational auto-encoders of circuits: network, loss, training, accuracy and embedding."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

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


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
