"""The Gaussian LSTM policy of REINFORCE, in PyTorch. Importing this module loads PyTorch."""

import math

import numpy as np
import torch
from numpy.typing import NDArray

__all__ = ["GaussianPolicy"]


class GaussianPolicy:
    """N(m, diag(s^2)) with m = Linear(LSTMCell(state)), trained by REINFORCE (mutable).

    Args:
        size: length of states and actions.
        hidden: width of the LSTM.
        learning_rate: of Adam.
        learns_width: whether s is learned, starting at 1; else it stays 1.
        rng: draws the weights, uniform within 1 / sqrt(hidden).
    """

    def __init__(
        self, size: int, hidden: int, learning_rate: float, learns_width: bool, rng: np.random.Generator
    ) -> None:
        self._cell = torch.nn.LSTMCell(size, hidden, device="meta").to_empty(device="cpu")
        self._head = torch.nn.Linear(hidden, size, device="meta").to_empty(device="cpu")
        self._log_width = torch.zeros(size, requires_grad=learns_width)
        weights = [*self._cell.parameters(), *self._head.parameters()]
        bound = 1 / math.sqrt(hidden)
        with torch.no_grad():
            for weight in weights:
                weight.copy_(torch.from_numpy(rng.uniform(-bound, bound, size=tuple(weight.shape))))
        learned = [*weights, self._log_width] if learns_width else weights
        self._adam = torch.optim.Adam(learned, lr=learning_rate)
        self._memory: tuple[torch.Tensor, torch.Tensor] | None = None
        self._log_probabilities: list[torch.Tensor] = []

    def act(self, state: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        """Draw an action, shape (size,), and remember how likely it was."""
        self._memory = self._cell(torch.tensor(state)[None], self._memory)
        mean = self._head(self._memory[0])[0]
        noise = torch.from_numpy(rng.standard_normal(len(state), dtype=np.float32))
        action = (mean + self._log_width.exp() * noise).detach()
        deviation = (action - mean) / self._log_width.exp()
        self._log_probabilities.append(-0.5 * (deviation**2).sum() - self._log_width.sum())
        return np.asarray(action.numpy())

    def learn(self, advantages: NDArray[np.float64]) -> None:
        """Take one step on the actions since the last one, advantages of shape (n,), and forget the LSTM's state."""
        weights = torch.from_numpy(np.asarray(advantages, dtype=np.float32))
        loss = -(torch.stack(self._log_probabilities) * weights).mean()
        self._adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._adam.step()
        self._memory, self._log_probabilities = None, []

    def width(self) -> NDArray[np.float32]:
        """Return s, shape (size,)."""
        return np.asarray(self._log_width.detach().exp().numpy())
