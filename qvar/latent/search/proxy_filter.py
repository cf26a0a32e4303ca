"""Training-free search: rank the pool by proxies that need no reward, and evaluate from the top."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from qvar.latent.search.candidates import Indices, Rewards
from qvar.latent.search.method import Assignment, PoolSearcher
from qvar.simulators.errors import LatentError

__all__ = ["ProxyFilter"]


@dataclass(frozen=True)
class ProxyFilter:
    """Keep the share of the pool that is best by one proxy, order it by another, and evaluate in that order.

    Circuits that the first proxy removes come last, in random order. Ties are broken at random.

    Args:
        coarse: name of the proxy that filters, more being better.
        share: part of the pool that it keeps, in (0, 1].
        fine: name of the proxy that orders, more being better; `qvar.latent.proxies.expressibility` is best at 0, so
            give it with a minus sign.

    Source: training-free quantum architecture search (TF-QAS; He et al., AAAI 2024): number of paths, then
    expressibility.
    """

    needs_torch: ClassVar[bool] = False

    coarse: str = "paths"
    share: float = 0.1
    fine: str = "expressibility"

    def __post_init__(self) -> None:
        if not 0 < self.share <= 1:
            raise LatentError(f"a proxy keeps a share in (0, 1] of the pool, got {self.share}")

    def start(self, assignment: Assignment) -> PoolSearcher:
        """Return a searcher along a fixed order.

        Raises:
            LatentError: if the candidates lack a proxy.
        """
        return _Ranking(self, assignment)


class _Ranking:
    def __init__(self, settings: ProxyFilter, assignment: Assignment) -> None:
        proxies, rng = assignment.candidates.proxies, assignment.rng
        for name in (settings.coarse, settings.fine):
            if name not in proxies:
                raise LatentError(f"no proxy {name!r} among the candidates' {sorted(proxies)}; compute it first")
        chance = rng.random(len(assignment.candidates))
        by_coarse = np.lexsort((chance, -proxies[settings.coarse]))
        kept, others = np.split(by_coarse, [max(1, round(settings.share * len(by_coarse)))])
        kept = kept[np.lexsort((chance[kept], -proxies[settings.fine][kept]))]
        self._order, self._done = np.concatenate([kept, rng.permutation(others)]), 0

    def propose(self, most: int) -> Indices:
        self._done += most
        return self._order[self._done - most : self._done]

    def tell(self, indices: Indices, rewards: Rewards) -> None:
        pass

    def remarks(self) -> dict[str, Any]:
        return {}
