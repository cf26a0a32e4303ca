"""Small fully connected networks with one output, trained by Adam on the mean squared error, in plain NumPy.

Searches train thousands of these on a few hundred points, in batches of ten or thirty-two; at that size the calls of a
deep-learning framework take several times as long as the arithmetic. All weights lie in one array, so that a step
of Adam is a few operations on it. Weights start as PyTorch's do: uniform within 1 / sqrt(inputs).
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["SmallNetwork"]

_Array = NDArray[np.float32]

_BETA1, _BETA2, _TINY = np.float32(0.9), np.float32(0.999), np.float32(1e-8)
_NORM_TINY, _NORM_MOMENTUM = np.float32(1e-5), np.float32(0.1)


class SmallNetwork:
    """A network in training (mutable).

    Args:
        inputs: length of a feature.
        hidden: widths of the hidden layers.
        activation: of the hidden layers.
        output: "linear", or "sigmoid" for values within 0..1.
        dropout: share of hidden units dropped while training, after each activation.
        normalizes: whether each hidden layer is batch-normalized before its activation.
        rng: draws weights, batches and dropped units.
    """

    def __init__(
        self,
        inputs: int,
        hidden: Sequence[int],
        *,
        activation: Literal["tanh", "relu"],
        output: Literal["linear", "sigmoid"] = "linear",
        dropout: float = 0.0,
        normalizes: bool = False,
        rng: np.random.Generator,
    ) -> None:
        self._tanh, self._sigmoid = activation == "tanh", output == "sigmoid"
        self._dropout, self._normalizes, self._rng = dropout, normalizes, rng
        self._hidden = tuple(hidden)
        shapes = [shape for a, b in pairwise((inputs, *hidden, 1)) for shape in ((a, b), (b,))]
        shapes += [(b,) for b in hidden for _ in range(2)] if normalizes else []
        self._weights = np.zeros(sum(int(np.prod(shape)) for shape in shapes), dtype=np.float32)
        self._gradient = np.zeros_like(self._weights)
        self._views, self._slopes = (list(_cut(flat, shapes)) for flat in (self._weights, self._gradient))
        self._moment, self._square, self._steps = np.zeros_like(self._weights), np.zeros_like(self._weights), 0
        for layer in range(len(hidden) + 1):
            bound = 1 / np.sqrt(self._views[2 * layer].shape[0])
            for view in self._views[2 * layer : 2 * layer + 2]:
                view[...] = rng.uniform(-bound, bound, size=view.shape)
        for scale in self._views[2 * len(hidden) + 2 :: 2]:
            scale[...] = 1.0
        self._means = [np.zeros(width, dtype=np.float32) for width in hidden]
        self._variances = [np.ones(width, dtype=np.float32) for width in hidden]

    def fit(self, x: _Array, y: NDArray[np.floating], *, epochs: int, batch: int, learning_rate: float) -> None:
        """Train on features x, shape (n, inputs), and values y, shape (n,), going on from where training stopped."""
        values = np.asarray(y, dtype=np.float32)
        for _ in range(epochs):
            order = self._rng.permutation(len(x))
            for start in range(0, len(x), batch):
                rows = order[start : start + batch]
                if self._normalizes and len(rows) == 1:
                    continue  # one point has no variance to normalize by
                self._descend(x[rows], values[rows], np.float32(learning_rate))

    def predict(self, x: _Array) -> _Array:
        """Return predictions, shape (n,)."""
        last = 2 * len(self._hidden)
        out = (self.last_hidden(x) @ self._views[last])[:, 0] + self._views[last + 1]
        return _sigmoid(out) if self._sigmoid else np.asarray(out)

    def last_hidden(self, x: _Array) -> _Array:
        """Return the activations of the last hidden layer, shape (n, hidden[-1])."""
        values = np.asarray(x, dtype=np.float32)
        for layer in range(len(self._hidden)):
            values = values @ self._views[2 * layer]
            values += self._views[2 * layer + 1]
            if self._normalizes:
                scale, shift = self._norm_views(self._views, layer)
                values = (values - self._means[layer]) / np.sqrt(self._variances[layer] + _NORM_TINY) * scale + shift
            values = np.tanh(values, out=values) if self._tanh else np.maximum(values, 0, out=values)
        return values

    def _norm_views(self, views: list[_Array], layer: int) -> tuple[_Array, _Array]:
        first = 2 * len(self._hidden) + 2 + 2 * layer
        return views[first], views[first + 1]

    def _descend(self, x: _Array, y: _Array, learning_rate: np.float32) -> None:
        """Take one step of Adam on one batch."""
        n_hidden, n = len(self._hidden), np.float32(len(x))
        inputs, slopes, norms = [x], [], []
        for layer in range(n_hidden):
            values = inputs[-1] @ self._views[2 * layer] + self._views[2 * layer + 1]
            if self._normalizes:
                values, norm = self._normalize(values, layer)
                norms.append(norm)
            if self._tanh:
                values = np.tanh(values)
                slope = 1 - values * values
            else:
                slope = (values > 0).astype(np.float32)
                values = values * slope
            if self._dropout:
                keep = (self._rng.random(values.shape, dtype=np.float32) >= self._dropout) / np.float32(
                    1 - self._dropout
                )
                values, slope = values * keep, slope * keep
            inputs.append(values)
            slopes.append(slope)
        out = inputs[-1] @ self._views[2 * n_hidden] + self._views[2 * n_hidden + 1]
        out = _sigmoid(out) if self._sigmoid else out
        back = (out - y[:, None]) * (2 / n)
        back = back * out * (1 - out) if self._sigmoid else back
        for layer in range(n_hidden, -1, -1):
            np.dot(inputs[layer].T, back, out=self._slopes[2 * layer])
            back.sum(axis=0, out=self._slopes[2 * layer + 1])
            if layer:
                back = (back @ self._views[2 * layer].T) * slopes[layer - 1]
                if self._normalizes:
                    back = self._normalize_backwards(back, layer - 1, *norms[layer - 1])
        self._step(learning_rate)

    def _normalize(self, values: _Array, layer: int) -> tuple[_Array, tuple[_Array, _Array]]:
        """Normalize over the batch; remember running means and variances for predictions."""
        mean, variance = values.mean(axis=0), values.var(axis=0)
        self._means[layer] += _NORM_MOMENTUM * (mean - self._means[layer])
        unbiased = variance * np.float32(len(values) / (len(values) - 1))
        self._variances[layer] += _NORM_MOMENTUM * (unbiased - self._variances[layer])
        width = 1 / np.sqrt(variance + _NORM_TINY)
        normal = (values - mean) * width
        scale, shift = self._norm_views(self._views, layer)
        return normal * scale + shift, (normal, width)

    def _normalize_backwards(self, back: _Array, layer: int, normal: _Array, width: _Array) -> _Array:
        scale, _ = self._norm_views(self._views, layer)
        to_scale, to_shift = self._norm_views(self._slopes, layer)
        (back * normal).sum(axis=0, out=to_scale)
        back.sum(axis=0, out=to_shift)
        back = back * scale
        return np.asarray(width * (back - back.mean(axis=0) - normal * (back * normal).mean(axis=0)))

    def _step(self, learning_rate: np.float32) -> None:
        self._steps += 1
        self._moment += (1 - _BETA1) * (self._gradient - self._moment)
        self._square += (1 - _BETA2) * (self._gradient * self._gradient - self._square)
        first, second = 1 - _BETA1**self._steps, 1 - _BETA2**self._steps
        self._weights -= (learning_rate / first) * self._moment / (np.sqrt(self._square / second) + _TINY)


def _cut(flat: _Array, shapes: Sequence[tuple[int, ...]]) -> Iterator[_Array]:
    """Give views of a flat array, one of each shape after the other."""
    start = 0
    for shape in shapes:
        size = int(np.prod(shape))
        yield flat[start : start + size].reshape(shape)
        start += size


def _sigmoid(x: _Array) -> _Array:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)), dtype=np.float32)
