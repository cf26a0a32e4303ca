"""The quantum rows train what their names say, at the budgets they name."""

import pytest

from qvar.classify.circuits import ansatz_circuit, feature_map_circuit
from qvar.classify.comparison import ShuffleSplits, compare, find_model
from qvar.classify.comparison.models import GROUPS, find_models
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
    assert settings["class"].startswith("qvar.classify.")
    assert settings["kind"] in ("quantum", "ablation", "floor")
    assert model.make(3).random_state == 3
    for name in model.grid:
        assert name in model.make(0).get_params()
    assert find_model(model.name) == model


def test_groups_name_models_that_exist():
    for group, names in GROUPS.items():
        assert [model.name for model in find_models([group])] == list(dict.fromkeys(names))
    assert find_models(["majority", "classical"])[0].name == "majority"


@pytest.mark.parametrize("name", GROUPS["published"])
def test_rows_of_the_study_have_its_circuit(name):
    settings = find_model(name).make(0).get_params()
    encoder = feature_map_circuit(settings["feature_map"], 5, reps=settings["feature_map_reps"])
    ansatz = ansatz_circuit(settings["ansatz"], 5, reps=settings["ansatz_reps"])
    assert encoder.count_ops() == {"h": 10, "p": 30, "cx": 40}
    assert ansatz.count_ops() == {"ry": 20, "rz": 20, "cx": 12}
    assert settings["readout"] == "majority"


def test_the_study_compares_unequal_budgets(cost):
    assert cost["vqc-cobyla-100"]["evaluations"] <= 101
    # loss shift counts every evaluation, an exact gradient the circuits that a device would need; it may stop early
    assert cost["vqc-aqgd-100"]["evaluations"] in (100 * STEP, 100 * STEP + 1)
    assert cost["vqc-aqgd-100"]["circuits"] == 24 * cost["vqc-aqgd-100"]["evaluations"]
    exact = cost["vqc-aqgd-100-exact"]
    assert exact["circuits"] == 24 * (exact["gradients"] * STEP + exact["evaluations"])
    assert cost["vqc-untrained"]["gradients"] == 0
    assert cost["vqc-untrained"]["circuits"] <= 24


def test_the_product_has_no_entanglement_and_differs_by_that_alone():
    product, other = (find_model(name).make(0).get_params() for name in ("vqc-product", "vqc-majority"))
    assert {name for name in product if repr(product[name]) != repr(other[name])} == {"ansatz"}
    for circuit in (
        ansatz_circuit(product["ansatz"], 5, reps=product["ansatz_reps"]),
        feature_map_circuit(product["feature_map"], 5, reps=product["feature_map_reps"]),
    ):
        assert circuit.num_nonlocal_gates() == 0
