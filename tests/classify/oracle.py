"""Class probabilities by the textbook route, independent of the package: NumPy, one matrix per gate."""

import numpy as np


def feature_states(X, reps=2):
    """States after the ZZ feature map with full entanglement, shape (n_rows, 2**n), qubit q being bit q."""
    n = X.shape[1]
    bits = np.arange(2**n)[:, None] >> np.arange(n) & 1
    phase = 2 * X @ bits.T.astype(float)
    for i in range(n):
        for j in range(i + 1, n):
            phase += np.outer(2 * (np.pi - X[:, i]) * (np.pi - X[:, j]), bits[:, i] ^ bits[:, j])
    hadamard = np.array([[1, 1], [1, -1]]) / np.sqrt(2)
    every = np.ones((1, 1))
    for _ in range(n):
        every = np.kron(every, hadamard)
    states = np.zeros((len(X), 2**n), dtype=complex)
    states[:, 0] = 1
    for _ in range(reps):
        states = (states @ every.T) * np.exp(1j * phase)
    return states


def efficient_su2_matrix(theta, n, reps=3):
    """The unitary of efficient_su2 with reverse-linear entanglement."""
    result = np.eye(2**n, dtype=complex)
    for layer in range(reps + 1):
        a = theta[2 * n * layer : 2 * n * (layer + 1)]
        for q in range(n):
            c, s = np.cos(a[q] / 2), np.sin(a[q] / 2)
            rz = np.diag(np.exp([-0.5j * a[n + q], 0.5j * a[n + q]]))
            one = rz @ np.array([[c, -s], [s, c]])
            result = np.kron(np.kron(np.eye(2 ** (n - 1 - q)), one), np.eye(2**q)) @ result
        if layer < reps:
            for q in range(n - 2, -1, -1):
                result = _cx(q, q + 1, n) @ result
    return result


def _cx(control, target, n):
    z = np.arange(2**n)
    matrix = np.zeros((2**n, 2**n))
    matrix[np.where(z >> control & 1, z ^ (1 << target), z), z] = 1
    return matrix


def probability_of_one(X, theta, mask):
    """Probability of the outcomes in `mask`, bool of shape (2**n,), for every row."""
    amplitudes = feature_states(X) @ efficient_su2_matrix(theta, X.shape[1]).T
    return np.abs(amplitudes) ** 2 @ mask.astype(float)
