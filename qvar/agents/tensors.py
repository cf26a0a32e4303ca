"""Networks and their optimizer as named arrays, which a checkpoint holds without pickle."""

from typing import Any

import torch
from numpy.typing import NDArray
from torch import nn

__all__ = ["adam_arrays", "load_adam", "load_network", "network_arrays"]


def network_arrays(network: nn.Module) -> dict[str, NDArray[Any]]:
    """Return the weights by name; they share memory with the network."""
    return {name: tensor.numpy() for name, tensor in network.state_dict().items()}


def load_network(network: nn.Module, arrays: dict[str, NDArray[Any]]) -> None:
    """Take over what `network_arrays` gave; extra arrays are ignored."""
    network.load_state_dict({name: torch.from_numpy(arrays[name].copy()) for name in network.state_dict()})


def adam_arrays(adam: torch.optim.Optimizer) -> dict[str, NDArray[Any]]:
    """Return moments and step counts as INDEX.NAME; they share memory with the optimizer."""
    return {
        f"{index}.{name}": tensor.numpy()
        for index, moments in adam.state_dict()["state"].items()
        for name, tensor in moments.items()
    }


def load_adam(adam: torch.optim.Optimizer, arrays: dict[str, NDArray[Any]]) -> None:
    """Take over what `adam_arrays` gave; raises ValueError if it does not belong to this optimizer."""
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for key, array in arrays.items():
        number, name = key.split(".")
        moments.setdefault(int(number), {})[name] = torch.from_numpy(array.copy())
    shapes = [weights.shape for group in adam.param_groups for weights in group["params"]]
    for index, of_one in moments.items():
        kept = {name: tensor.shape for name, tensor in of_one.items() if name != "step"}
        if kept != dict.fromkeys(("exp_avg", "exp_avg_sq"), shapes[index]) or of_one["step"].numel() != 1:
            raise ValueError(f"the moments of weights {index} are not those of this optimizer")
    adam.load_state_dict(adam.state_dict() | {"state": moments})
