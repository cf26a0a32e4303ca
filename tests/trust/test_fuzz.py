"""Hostile input ends in errors of the project, and the harness that says so sees what it should see."""

import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from qvar.agents.tensors import load_adam
from qvar.classify import QuantumKernelClassifier
from qvar.cli.inputs import find_problem, parse_seeds
from qvar.hardware.ledger import Entry
from qvar.latent.generation import generate_pool
from qvar.latent.graph_vae import GraphVaeSettings, Training, pretrain
from qvar.latent.space import CircuitSpace
from qvar.latent.vae import ArdVAE
from qvar.problems import Problem, max_cut
from qvar.runs import sealed
from qvar.simulators import NoiseModel
from qvar.simulators.errors import (
    ClassifierError,
    HardwareError,
    LatentError,
    NoiseModelError,
    ProblemError,
    QvarError,
)
from tests.trust.hostile.mutations import PAYLOADS
from tests.trust.hostile.sandbox import Sandbox, Work

HEAD = 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'
OLD = 'OPENQASM 2.0;\ninclude "qelib1.inc";\n'


# ---- the campaign, at a small scale ----


@pytest.mark.slow
def test_no_reader_does_anything_but_accept_or_refuse():
    words = ("--seed", "11", "--inputs", "40", "--json", "--quiet", "--no-shrink")
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, "-W", "ignore", "tests/trust/fuzz.py", *words]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr[-2000:]
    record = json.loads(done.stdout)
    assert record["findings"] == []
    assert all(counts["inputs"] > 0 for counts in record["readers"].values())
    assert sum(counts.get("refused", 0) for counts in record["readers"].values()) > 100
    assert sum(counts.get("accepted", 0) for counts in record["readers"].values()) > 20


# ---- negative controls: readers that must be caught ----


def judged(read, content=b"x", *, seconds=10.0):
    with Sandbox(Work(read, lambda: None), seconds=seconds) as box:
        return box.judge({"file": content})


def unpickle(inbox):
    pickle.loads((inbox / "file").read_bytes())  # noqa: S301


def evaluate(inbox):
    eval((inbox / "file").read_text())


def loop(_):
    while True:
        pass


def allocate(_):
    return b"x" * (900 << 20)


def escape(_):
    Path("../../escaped").write_text("x")


def spy(_):
    return Path("/etc/passwd").read_text()


def crash(_):
    os.abort()


def mistake(_):
    return {}["missing"]


def refuse(_):
    raise QvarError("no")


@pytest.mark.parametrize(
    ("read", "kind"),
    [(loop, "hang"), (allocate, "memory"), (escape, "wrote"), (spy, "spied"), (crash, "died"), (mistake, "exception")],
)
def test_a_reader_that_does_harm_is_caught(read, kind):
    assert judged(read, seconds=1.0 if read is loop else 10.0).kind == kind


@pytest.mark.parametrize("payload", PAYLOADS)
def test_a_reader_that_unpickles_is_caught_before_the_code_runs(payload):
    verdict = judged(unpickle, payload)
    assert verdict.kind == "executed"
    assert "pickle.find_class" in verdict.detail


def test_a_reader_that_evaluates_is_caught_before_the_code_runs():
    verdict = judged(evaluate, b"__import__('os').system('touch pwned')")
    assert (verdict.kind, verdict.detail.split(":")[0]) == ("executed", "os.system")


def test_readers_that_behave_are_not_findings():
    assert judged(refuse).kind == "refused"
    assert judged(lambda inbox: (inbox / "file").read_bytes()).kind == "accepted"
    assert judged(lambda inbox: (inbox / "new").write_text("x")).kind == "accepted"


def test_a_sandbox_goes_on_after_its_process_died():
    with Sandbox(
        Work(lambda inbox: os.abort() if (inbox / "file").read_bytes() == b"a" else None, lambda: None)
    ) as box:
        assert [box.judge({"file": c}).kind for c in (b"a", b"b", b"a", b"b")] == [
            "died",
            "accepted",
            "died",
            "accepted",
        ]


# ---- what was found once ----


def archive(members):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return stream.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        archive({"a.npy": bytes(300 << 20)}),
        archive({"a.npy": b"\x93NUMPY\x01\x00\x06\x00'''\n"}),
        archive({"a.npy": b"no array"}),
        archive({"a.npy": PAYLOADS[1]}),
        archive({"a": b"\x93NUMPY"}),
    ],
    ids=["bomb", "header", "bytes", "pickle", "name"],
)
def test_an_archive_that_does_not_hold_plain_arrays_is_refused(tmp_path, data):
    (tmp_path / "a.npz").write_bytes(data)
    with pytest.raises(ValueError, match="array"):
        sealed.read_arrays(tmp_path / "a.npz")


def test_arrays_of_zeros_are_no_bomb(tmp_path):
    sealed.write_arrays(tmp_path / "a.npz", {"a": np.zeros(10**6)}, compressed=True)
    assert sealed.read_arrays(tmp_path / "a.npz")["a"].shape == (10**6,)


@pytest.mark.parametrize("value", [10**400, "one", None, [], {"a": 1}, float("inf")])
def test_a_noise_model_with_a_strange_number_is_refused(value):
    content = NoiseModel.named("mumbai-median").to_dict()
    content["readout"][0]["p01"] = value
    with pytest.raises(NoiseModelError):
        NoiseModel.from_dict(content)


@pytest.mark.parametrize("name", ["tfim-999999999", "tfim-" + "9" * 5000, "maxcut-ring-" + "9" * 5000, "x" * 100_000])
def test_a_problem_of_an_absurd_size_is_refused_at_once(name):
    with pytest.raises(ProblemError) as refusal:
        find_problem(name)
    assert len(str(refusal.value)) < 2_000


def test_a_graph_with_an_absurd_number_is_refused():
    with pytest.raises(ProblemError):
        max_cut("0-" + "9" * 5000)


@pytest.mark.parametrize("text", ["0-999999999999", "0-" + "9" * 30])
def test_absurdly_many_seeds_are_refused(text):
    with pytest.raises(QvarError, match="fewer"):
        parse_seeds(text)


def test_a_problem_file_of_arrays_in_arrays_is_refused():
    with pytest.raises(ProblemError, match="deep"):
        Problem.from_json_text("[" * 100_000)


ENTRY = {"tag": "a", "request": "r", "kind": "estimator", "backend": "b", "is_real": True, "seconds": 1.0}
ENTRY |= {"estimated_seconds": 1.0, "shots": 10}


STRANGE = [
    *(("time", 1e300), ("time", "now"), ("seconds", -5.0), ("usage", -100.0), ("usage", float("nan")), ("shots", None)),
    *(("result", "../../x.npz"), ("result", "/etc/passwd"), ("tag", "../x"), ("backend", 3), ("seconds", 10**400)),
]


@pytest.mark.parametrize(("name", "value"), STRANGE)
def test_a_job_that_was_written_by_hand_cannot_hide_what_was_spent_or_name_other_files(name, value):
    Entry(**ENTRY)
    with pytest.raises(HardwareError):
        Entry(**{**ENTRY, name: value})


def test_moments_of_another_optimizer_are_refused():
    import torch

    adam = torch.optim.Adam([torch.zeros(3, requires_grad=True)])
    whole = {"0.step": np.array(1.0), "0.exp_avg": np.zeros(3, np.float32), "0.exp_avg_sq": np.zeros(3, np.float32)}
    load_adam(adam, whole)
    for change in ({"0.exp_avg": np.zeros(4, np.float32)}, {"0.strange": np.zeros(3)}):
        with pytest.raises(ValueError, match="moments"):
            load_adam(adam, whole | change)


FITTED = [("classes_", None), ("n_support_", np.array([1, 1, 1])), ("dual_coef_", np.zeros((1, 99)))]


@pytest.mark.parametrize(("name", "value"), FITTED)
def test_a_classifier_whose_arrays_do_not_go_together_is_refused(tmp_path, name, value):
    rows = np.random.default_rng(7).normal(size=(12, 2))
    model = QuantumKernelClassifier().fit(rows, np.arange(12) % 2)
    model.save(tmp_path / "whole.json")
    assert (QuantumKernelClassifier.load(tmp_path / "whole.json").predict(rows) == model.predict(rows)).all()
    setattr(model, name, value)
    model.save(tmp_path / "other.json")
    with pytest.raises(ClassifierError):
        QuantumKernelClassifier.load(tmp_path / "other.json")


@pytest.mark.parametrize("axes", [np.array([0.5]), np.array([7]), np.array([[0]]), np.array([-1])])
def test_axes_of_a_transformer_that_it_does_not_have_are_refused(axes):
    arrays = {"axes": np.array([1, 0]), "mean": np.zeros(2), "relevance": np.ones(2)}
    model = ArdVAE(latent_size=2)
    model._take_extra_arrays(arrays)
    with pytest.raises(LatentError, match="axes"):
        model._take_extra_arrays(arrays | {"axes": axes})


def test_a_training_that_diverges_is_refused_and_not_recorded():
    space = CircuitSpace(n_qubits=2, n_gates=3, max_depth=3)
    structures = generate_pool(space, 60, seed=7).structures
    with pytest.raises(LatentError, match="diverged in epoch 1"):
        pretrain(space, structures, GraphVaeSettings(), Training(epochs=2, batch_size=10, learning_rate=1e30))
