"""A latent space on disk: made once, gone on with after a kill, guarded against damage and against other processes."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from qvar.latent import pretraining
from qvar.latent.folder import LatentFolder
from qvar.latent.generation import generate_pool
from qvar.latent.graph_vae.settings import GraphVaeSettings, Training
from qvar.latent.measuring import measure_smoothness, read_rewards
from qvar.latent.pretraining import LatentPlan, carry_out
from qvar.latent.search import METHODS
from qvar.latent.searching import search_latent_space
from qvar.latent.space import CircuitSpace
from qvar.latent.tasks import compute_rewards, find_latent_task
from qvar.optimizers import Adagrad
from qvar.simulators.errors import LatentError, RunError

PLAN = LatentPlan(
    CircuitSpace(3, 4, 3),
    GraphVaeSettings(latent_size=4, hidden=8, n_layers=2),
    Training(epochs=3, batch_size=32, seed=5),
    n_circuits=200,
    seed=5,
)


class Killed(Exception):
    """Stands for a kill between two epochs."""


def contents(path, *, but=()):
    """Every file with what is in it, without times."""
    found = {}
    for file in sorted(path.iterdir()):
        if file.suffix == ".npz":
            with np.load(file) as archive:
                found[file.name] = {name: archive[name].tolist() for name in archive.files}
        elif file.suffix in (".json", ".jsonl"):
            lines = [
                json.loads(line)
                for line in (file.read_text().splitlines() if file.suffix == ".jsonl" else [file.read_text()])
            ]
            others = ("seconds", "sha256", "check")  # checksums of it all
            found[file.name] = [{k: v for k, v in line.items() if k not in others} for line in lines]
        else:
            found[file.name] = file.read_bytes()
    return {name: value for name, value in found.items() if name not in {"costs.json", *but}}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = LatentFolder.create(tmp_path_factory.mktemp("latent") / "space", PLAN.to_dict())
    carry_out(PLAN, folder)
    return folder


def test_a_space_holds_all_that_it_is_made_of(made):
    files = {path.name for path in made.path.iterdir()}
    assert files == {
        ".lock",
        "accuracy.json",
        "config.json",
        "costs.json",
        "features.npz",
        "metrics.jsonl",
        "model.npz",
        "pool.npz",
    }
    again = LatentFolder.open(made.path)
    assert again.is_pretrained
    assert again.space == PLAN.space
    assert LatentPlan.from_dict(again.config) == PLAN
    assert np.allclose(again.features(), again.model().embed(again.pool().structures), atol=1e-6)
    assert [record["epoch"] for record in again.metrics()] == [1, 2, 3]
    assert set(again.read_json("costs.json")) == {"generation", "training", "accuracy", "embedding"}
    assert again.read_json("accuracy.json")["reconstruction"]["n_circuits"] == 20


@pytest.mark.parametrize("after", [1, 2])
def test_a_training_that_was_killed_ends_with_the_same_record(made, tmp_path, after):
    folder = LatentFolder.create(tmp_path / "space", PLAN.to_dict())

    def die(progress):
        if progress.epoch == after:
            raise Killed

    with pytest.raises(Killed):
        carry_out(PLAN, folder, on_epoch=die)
    assert not folder.is_pretrained
    (folder.path / ".model.npz.99.tmp").write_bytes(b"half")
    carry_out(PLAN, LatentFolder.open(folder.path))
    assert contents(folder.path) == contents(made.path)


def test_an_epoch_whose_line_was_lost_is_in_the_record_all_the_same(made, tmp_path):
    folder = LatentFolder.create(tmp_path / "space", PLAN.to_dict())

    def die(progress):
        raise Killed

    with pytest.raises(Killed):
        carry_out(PLAN, folder, on_epoch=die)
    (folder.path / "metrics.jsonl").write_text('{"epoch": 1, "lo')
    carry_out(PLAN, folder)
    assert contents(folder.path) == contents(made.path)


def test_what_is_there_is_not_made_again(made, monkeypatch):
    before = contents(made.path)
    monkeypatch.setattr(pretraining, "pretrain", None)
    steps = []
    carry_out(PLAN, made, on_step=steps.append)
    assert steps == []
    assert contents(made.path) == before
    (made.path / "features.npz").unlink()
    carry_out(PLAN, made, on_step=steps.append)
    assert steps == ["embedding"]
    assert contents(made.path) == before


def test_another_process_is_kept_out(made):
    program = (
        "from pathlib import Path\nfrom qvar.latent.folder import LatentFolder\n"
        f"with LatentFolder.open(Path({str(made.path)!r})).claimed(): pass"
    )
    with made.claimed():
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "another process is at work on the latent space" in done.stderr
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_nothing_is_overwritten(made, tmp_path):
    with pytest.raises(RunError, match=r"not empty.*--resume"):
        LatentFolder.create(made.path, PLAN.to_dict())
    (tmp_path / "thesis.tex").write_text("years")
    with pytest.raises(RunError, match=r"not empty; nothing was overwritten\. Choose another folder$"):
        LatentFolder.create(tmp_path, PLAN.to_dict())
    other = LatentPlan(PLAN.space, PLAN.model, PLAN.training, n_circuits=201, seed=5)
    with pytest.raises(RunError, match="n_circuits: 200 there, 201 here"):
        carry_out(other, made)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda text: "{", "corrupted"),
        (lambda text: text.replace('"n_circuits": 200', '"n_circuits": 20'), "checksum"),
        (lambda text: text.replace("qvar-latent", "qvar-run"), "checksum"),
        (lambda text: text.replace('"id"', '"name"'), "corrupted"),
    ],
)
def test_a_damaged_configuration_is_named(tmp_path, change, part):
    folder = LatentFolder.create(tmp_path / "space", PLAN.to_dict())
    file = folder.path / "config.json"
    file.write_text(change(file.read_text()))
    with pytest.raises(RunError, match=part):
        LatentFolder.open(folder.path)


def test_what_is_missing_is_named(tmp_path):
    with pytest.raises(RunError, match="holds no latent space"):
        LatentFolder.open(tmp_path)
    folder = LatentFolder.create(tmp_path / "space", PLAN.to_dict())
    assert folder.searched_tasks() == ()
    assert folder.read_json("accuracy.json") is None
    with pytest.raises(RunError, match="is not trained; go on with: qvar latent pretrain --resume"):
        folder.check_pretrained()
    for read in (folder.pool, folder.model, folder.features):
        with pytest.raises(LatentError):
            read()


def test_features_of_another_space_are_refused(made, tmp_path):
    other = LatentFolder.create(tmp_path / "space", LatentPlan(PLAN.space, PLAN.model, PLAN.training, 300).to_dict())
    (other.path / "features.npz").write_bytes((made.path / "features.npz").read_bytes())
    with pytest.raises(LatentError, match="belongs to another latent space"):
        other.features()


def test_too_few_circuits_for_a_batch_are_refused_at_once():
    with pytest.raises(LatentError, match="18 of 20 circuits are left to train on, not one batch of 32"):
        LatentPlan(PLAN.space, PLAN.model, PLAN.training, n_circuits=20)


@pytest.mark.slow
def test_rewards_and_smoothness_are_those_of_the_settings_that_were_asked_for_last(made, tmp_path):
    shutil.copytree(made.path, tmp_path / "space")
    folder = LatentFolder.open(tmp_path / "space")
    long = find_latent_task("w-3")
    short = replace(long, optimizer=Adagrad(2, displacement=0.0))
    found = {}
    for name, task in {"long": long, "short": short}.items():
        search_latent_space(folder, task, {"random": METHODS["random"]}, budget=5, seeds=(1,), name=name)
        found[name] = measure_smoothness(folder, ("w-3",))["w-3"]["trained"]
    assert found["short"] != found["long"]
    search_latent_space(folder, long, {"random": METHODS["random"]}, budget=5, seeds=(1,), name="long")
    assert read_rewards(folder, "w-3").identity == compute_rewards(long, folder.pool()).identity
    assert measure_smoothness(folder, ("w-3",))["w-3"]["trained"] == found["long"]
    assert measure_smoothness(folder, ("w-3",), seed=1)["w-3"]["trained"] != found["long"]


def test_the_cost_of_an_evaluation_is_right_though_most_rewards_were_there(tmp_path):
    pool = generate_pool(CircuitSpace(3, 4, 3), 1001, seed=1)
    seen = []

    def stop(progress):
        seen.append(progress)
        if len(seen) == 2:
            raise Killed

    with pytest.raises(Killed):
        compute_rewards(find_latent_task("w-3"), pool, folder=tmp_path, progress=stop)
    compute_rewards(find_latent_task("w-3"), pool, folder=tmp_path, progress=seen.append)
    assert [(each.done, each.fresh) for each in seen] == [(500, 500), (1000, 1000), (1001, 1)]
