"""scikit-learn's own conformance suite."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from qvar.latent.vae import ArdVAE, BetaVAE, ConditionalVAE, HierarchicalVAE, MultDAE, MultVAE

SHORT = {"latent_size": 2, "hidden": (8,), "epochs": 3, "random_state": 0}


@pytest.mark.filterwarnings("error")
@parametrize_with_checks(
    [
        BetaVAE(**SHORT),
        ArdVAE(**SHORT),
        MultVAE(**SHORT),
        MultDAE(**SHORT),
        ConditionalVAE(**SHORT),
        HierarchicalVAE(**SHORT),
    ]
)
def test_scikit_learn_finds_no_fault(estimator, check):
    check(estimator)
