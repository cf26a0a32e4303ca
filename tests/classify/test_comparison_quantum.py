"""The quantum rows train what their names say, at the budgets they name."""

import pytest

from qvar.classify.comparison import ShuffleSplits, compare, find_model
from qvar.classify.comparison.quantum_models import QUANTUM

from .comparisons import blobs

STEP = 2 * 16 + 1  # objective evaluations of a shifted gradient: efficient_su2 on two qubits, reps 3, has 16 angles


@pytest.fixture(scope="module")
def cost():
    names = ["vqc-untrained", "vqc-cobyla-100", "vqc-aqgd-100", "vqc-aqgd-100-exact", "vqc-product"]
    result = compare(blobs(30), models=names, splits=ShuffleSplits(1))
    assert not result.failures
    return {record["model"]: record["cost"] for record in result.records}


@pytest.mark.parametrize("model", QUANTUM, ids=lambda model: model.name)
def test_every_row_can_be_made_and_says_what_it_is(model):
    settings = model.to_dict()
    assert settings["class"].endswith("VariationalClassifier")
    assert settings["kind"] in ("quantum", "ablation", "floor")
    assert settings["parameters"]["readout"] == "majority"
    assert model.make(3).random_state == 3
    for name in model.grid:
        assert name in model.make(0).get_params()
    assert find_model(model.name) == model


def test_the_study_compares_unequal_budgets(cost):
    assert cost["vqc-cobyla-100"]["evaluations"] <= 101
    # loss shift counts every evaluation, an exact gradient the circuits that a device would need; it may stop early
    assert cost["vqc-aqgd-100"]["evaluations"] in (100 * STEP, 100 * STEP + 1)
    assert cost["vqc-aqgd-100"]["circuits"] == 24 * cost["vqc-aqgd-100"]["evaluations"]
    exact = cost["vqc-aqgd-100-exact"]
    assert exact["circuits"] == 24 * (exact["gradients"] * STEP + exact["evaluations"])
    assert cost["vqc-untrained"]["gradients"] == 0
    assert cost["vqc-untrained"]["circuits"] <= 24


def test_the_product_has_no_entanglement():
    model = find_model("vqc-product").make(0)
    model.set_params(optimizer=find_model("vqc-untrained").make(0).optimizer)
    X = blobs(10)
    model.fit(X.X, X.y)
    settings = model.get_params()
    assert (settings["ansatz"], settings["feature_map"]) == ("product", "z_feature_map")
