import numpy as np
import pytest

from qvar.latent.search import Candidates

CIRCUITS = 3000


class Landscape:
    """A pool of points with one hill, a known summit and a little noise; 4 % reach the threshold."""

    def __init__(self, noise=0.02, seed=5, circuits=CIRCUITS):
        rng = np.random.default_rng(seed)
        self.features = (rng.normal(size=(circuits, 6)) * np.array([3.0, 2.0, 1.0, 1.0, 0.5, 0.5])).astype(np.float32)
        units = self.features / self.features.std(axis=0)
        self.summit = 17
        squares = ((units - units[self.summit]) ** 2) @ np.array([1.0, 1.0, 1.0, 0.5, 0.1, 0.0])
        rewards = 0.9 * np.exp(-squares / 6) + noise * rng.normal(size=circuits)
        rewards[self.summit] = 1.0
        self.rewards = np.clip(rewards, 0, 1)
        self.threshold = float(np.quantile(self.rewards, 0.96))

    @property
    def candidates(self):
        return Candidates(self.features)

    def shuffled(self):
        """Return candidates whose features say nothing about rewards."""
        return Candidates(np.random.default_rng(9).permutation(self.features))

    def hits(self, run):
        return int((run.rewards >= self.threshold).sum())


@pytest.fixture(scope="session")
def landscape():
    return Landscape()
