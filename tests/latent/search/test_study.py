"""A study gives the same record whoever runs it, however often it is killed, and compares seed by seed."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from qvar.latent.search import (
    Candidates,
    LatentEvolution,
    NeighbourSearch,
    RandomSampling,
    Reinforce,
    Study,
    load_study,
    run_study,
)
from qvar.simulators.errors import LatentError, RunError

METHODS = {"random": RandomSampling(), "neighbours": NeighbourSearch(), "reinforce": Reinforce()}


@pytest.fixture(scope="module")
def study(landscape):
    return Study(METHODS, landscape.threshold, budget=60, seeds=(1, 2, 3), name="hill")


@pytest.fixture(scope="module")
def result(study, landscape):
    return run_study(study, landscape.candidates, landscape.rewards, jobs=1)


def assert_same(a, b):
    assert a.methods == b.methods
    for name in a.methods:
        for one, other in zip(a.runs[name], b.runs[name], strict=True):
            assert np.array_equal(one.indices, other.indices)
            assert np.array_equal(one.rewards, other.rewards)
            assert one.remarks == other.remarks


def test_processes_and_files_change_nothing(study, result, landscape, tmp_path):
    beside = run_study(study, landscape.candidates, landscape.rewards, out=tmp_path / "study", jobs=2)
    assert_same(beside, result)
    assert_same(load_study(tmp_path / "study"), result)
    assert beside.plan == load_study(tmp_path / "study").plan


def test_seeds_are_shared_and_differences_are_seed_by_seed(result):
    figures = result.figures("neighbours")
    own, chance = (
        np.array([each.candidates for each in result.achievements[name]]) for name in ("neighbours", "random")
    )
    assert figures.more_than_random.mean == pytest.approx((own - chance).mean())
    assert figures.more_than_random.least == (own - chance).min()
    assert result.figures("random").more_than_random.most == 0


def test_tables_and_curves_say_what_the_runs_say(result, landscape):
    assert result.table().splitlines()[4].startswith("| neighbours |")
    assert "reached by 4.000% of the pool" in result.table()
    evaluations, mean, low, high = result.curves("neighbours")
    assert evaluations.tolist() == list(range(1, 61))
    assert mean[-1] == pytest.approx(result.figures("neighbours").candidates.mean)
    assert (low <= mean + 1e-12).all()
    assert (mean <= high + 1e-12).all()
    for what in ("best", "regret", "mean"):
        assert result.curves("random", what)[1].shape == (60,)
    assert result.curves("random", "regret")[1][-1] == pytest.approx(result.figures("random").regret.mean)
    assert set(result.to_dict()["figures"]) == set(METHODS)


def test_searches_are_judged_without_noise_and_see_it(study, landscape):
    noisy = landscape.rewards * 0.5
    found = run_study(study, landscape.candidates, noisy, ideal=landscape.rewards, jobs=1)
    for run in found.runs["random"]:
        assert np.array_equal(run.rewards, noisy[run.indices])
        assert np.array_equal(run.ideal_rewards, landscape.rewards[run.indices])
    assert found.plan["optimum"] == 1.0
    assert found.figures("random").candidates.mean > 0


def test_each_method_may_see_features_of_its_own(study, result, landscape):
    views = {name: landscape.shuffled() if name == "neighbours" else landscape.candidates for name in METHODS}
    other = run_study(study, views, landscape.rewards, jobs=1)
    assert np.array_equal(other.runs["reinforce"][0].indices, result.runs["reinforce"][0].indices)
    assert other.figures("neighbours").candidates.mean < result.figures("neighbours").candidates.mean


KILLED = """
import os, signal, sys
import numpy as np
from qvar.latent.search import *
METHODS = {"random": RandomSampling(), "neighbours": NeighbourSearch(), "reinforce": Reinforce()}
arrays = np.load(sys.argv[1])
left = int(sys.argv[3])
def on_run(name, seed, run):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
study = Study(METHODS, float(arrays["threshold"]), budget=60, seeds=(1, 2, 3), name="hill")
run_study(study, Candidates(arrays["features"]), arrays["rewards"], out=sys.argv[2], jobs=1, on_run=on_run)
"""


def test_a_study_killed_again_and_again_ends_with_the_record_of_an_unbroken_one(study, result, landscape, tmp_path):
    arrays, out = tmp_path / "arrays.npz", tmp_path / "study"
    np.savez(arrays, features=landscape.features, rewards=landscape.rewards, threshold=landscape.threshold)
    for runs in ("2", "3"):
        done = subprocess.run(
            [sys.executable, "-c", KILLED, arrays, out, runs], check=False, capture_output=True, text=True
        )
        assert done.returncode == -signal.SIGKILL, done.stderr
    with pytest.raises(RunError, match="has not finished"):
        load_study(out)
    fresh = []
    resumed = run_study(
        study, landscape.candidates, landscape.rewards, out=out, jobs=1, on_run=lambda *run: fresh.append(run[:2])
    )
    assert len(fresh) == 9 - 5
    assert_same(resumed, result)


def test_another_study_is_not_mixed_in(study, landscape, tmp_path):
    out = tmp_path / "study"
    quick = Study({"random": RandomSampling()}, 0.5, budget=10, seeds=(1,))
    run_study(quick, landscape.candidates, landscape.rewards, out=out, jobs=1)
    for features, rewards in [
        (landscape.features * 2, landscape.rewards),
        (landscape.features, landscape.rewards[::-1].copy()),
    ]:
        with pytest.raises(RunError, match="another study"):
            run_study(quick, Candidates(features), rewards, out=out, jobs=1)
    other = Study({"random": LatentEvolution()}, 0.5, budget=10, seeds=(1,))
    with pytest.raises(RunError, match="another study"):
        run_study(other, landscape.candidates, landscape.rewards, out=out, jobs=1)


def test_a_damaged_file_is_named(landscape, tmp_path):
    out = tmp_path / "study"
    quick = Study({"random": RandomSampling()}, 0.5, budget=10, seeds=(1,))
    run_study(quick, landscape.candidates, landscape.rewards, out=out, jobs=1)
    (out / "random" / "seed1.npz").write_bytes(b"nonsense")
    with pytest.raises(RunError, match=r"seed1\.npz is corrupted"):
        load_study(out)
    (out / "study.json").write_text("{}")
    with pytest.raises(RunError, match="corrupted"):
        load_study(out)


def test_studies_that_make_no_sense_are_refused(landscape, tmp_path):
    with pytest.raises(LatentError, match="different seeds"):
        Study(METHODS, 0.5, seeds=(1, 1))
    with pytest.raises(LatentError, match="methods"):
        Study({}, 0.5)
    with pytest.raises(LatentError, match="finite"):
        Study(METHODS, float("nan"))
    with pytest.raises(LatentError, match="do not fit"):
        run_study(Study(METHODS, 0.5, budget=10), landscape.candidates, landscape.rewards[:-1])
    with pytest.raises(LatentError, match="no candidates were given for"):
        run_study(Study(METHODS, 0.5, budget=10), {"random": landscape.candidates}, landscape.rewards)
    with pytest.raises(RunError, match="made of letters"):
        run_study(
            Study({"../x": RandomSampling()}, 0.5, budget=10),
            landscape.candidates,
            landscape.rewards,
            out=tmp_path / "study",
        )


def test_loading_the_package_loads_no_deep_learning():
    code = (
        "import sys; from qvar.latent.search import METHODS, Study, run_study;"
        "print([m for m in ('torch', 'botorch', 'sklearn.ensemble') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=os.environ.copy()
    )
    assert done.stdout.strip() == "[]"
