"""Sinks: what they take, read back by the packages themselves, and that no failure of theirs reaches the run."""

import logging
import os
import pickle
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import pytest

from qvar.runs import Fanout, MLflow, RunFolder, SinkRun, TensorBoard, WeightsAndBiases, find_sinks, replay
from qvar.runs.sinks.sink import numbers_of, settings_of
from qvar.runs.sinks.wandb_files import last_step_on_disk
from qvar.simulators.errors import RunError

CONFIG = {"problem": {"key": "h2-2", "terms": {"ZZ": 1.0}}, "seed": 3, "gates": ["rx"], "shots": None}
KEY = "0123456789abcdef" * 2 + "01234567"


def record(episode):
    return {"episode": episode, "best_error": 1 / episode, "evaluation": {"depth": 2 * episode}, "reason": "goal"}


@dataclass
class Writer:
    last_step: int = 0
    steps: list = field(default_factory=list)
    result: object = "never"
    fails: str = ""

    def write(self, step, metrics):
        if self.fails == "write":
            raise OSError("https://user:secret@host is full")
        self.steps.append((step, dict(metrics)))

    def finish(self, result):
        if self.fails == "finish":
            raise OSError("secret")
        self.result = result


@dataclass
class Sink:
    writer: Writer
    name: str = "memory"
    fails: str = ""

    def check(self):
        pass

    def start(self, run):
        if self.fails == "start":
            raise OSError("secret")
        return self.writer


@pytest.fixture
def run(tmp_path):
    folder = RunFolder.create(tmp_path / "runs" / "a", CONFIG)
    return SinkRun.at(folder.path, folder.id, folder.config)


def needs(package):
    return pytest.mark.skipif(find_spec(package) is None, reason=f"{package} is not installed")


def test_numbers_and_settings_are_flat_and_short():
    assert numbers_of(record(2)) == {"episode": 2.0, "best_error": 0.5, "evaluation/depth": 4.0}
    assert settings_of(CONFIG) == {"problem.key": "h2-2", "seed": "3"}


def test_steps_that_a_sink_has_are_not_given_again(run):
    new, old = Writer(), Writer(last_step=2)
    with Fanout([Sink(new, "new"), Sink(old, "old")], run) as fanout:
        for number in (1, 2, 3, 3):
            fanout.write(number, record(number))
        fanout.finish({"energy": -1.0, "qasm": "..."})
    assert [step for step, _ in new.steps] == [1, 2, 3]
    assert [step for step, _ in old.steps] == [3]
    assert new.result == old.result == {"energy": -1.0}


def test_an_interrupted_run_has_no_result(run):
    writer = Writer()
    with pytest.raises(KeyboardInterrupt), Fanout([Sink(writer)], run):
        raise KeyboardInterrupt
    assert writer.result is None


@pytest.mark.parametrize("fails", ["start", "write", "finish"])
def test_a_sink_that_fails_is_left_out_with_one_warning_that_tells_no_secret(run, caplog, fails):
    bad, good = Sink(Writer(fails=fails), "bad", fails), Writer()
    with caplog.at_level(logging.WARNING, "qvar"), Fanout([bad, Sink(good, "good")], run) as fanout:
        for number in (1, 2, 3):
            fanout.write(number, record(number))
        fanout.finish({})
    assert [step for step, _ in good.steps] == [1, 2, 3]
    (warning,) = caplog.messages
    assert "bad failed with OSError" in warning
    assert "secret" not in warning
    assert fanout.failures == {"bad": "OSError"}


@pytest.mark.parametrize("text", ["tensorbord", "tensorboard,tensorboard", "", "tensorboard,"])
def test_names_that_are_wrong_are_refused(text):
    with pytest.raises(RunError, match="metrics go to any of tensorboard, mlflow, wandb"):
        find_sinks(text)


def test_a_missing_package_is_named_before_anything_starts(monkeypatch):
    monkeypatch.setattr("qvar.runs.sinks.packages.find_spec", lambda name: None)
    with pytest.raises(RunError, match="wandb is not installed; install what the extra wandb brings: pip install"):
        find_sinks("wandb")


def test_settings_can_be_sent_to_a_worker_and_hide_a_password():
    sink = MLflow(uri="postgresql://user:secret@host/db")
    assert pickle.loads(pickle.dumps(sink)) == sink  # noqa: S301
    assert "secret" not in repr(sink)


def steps_in_tensorboard(folder):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={"scalars": 0})
    events.Reload()
    return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


@needs("tensorboard")
def test_tensorboard_reads_back_what_was_written_in_two_stretches(run):
    for stretch, result in ((range(1, 4), None), (range(1, 6), {"error": 0.25}), (range(1, 6), {"error": 0.25})):
        with Fanout([TensorBoard()], run) as fanout:
            for number in stretch:
                fanout.write(number, record(number))
            if result is not None:
                fanout.finish(result)
        assert fanout.failures == {}
    read = steps_in_tensorboard(run.folder / "tensorboard")
    assert read["best_error"] == [(n, pytest.approx(1 / n)) for n in range(1, 6)]
    assert [value for _, value in read["evaluation/depth"]] == [2, 4, 6, 8, 10]
    assert read["result/error"] == [(5, 0.25)]


@needs("tensorboard")
def test_tensorboard_goes_on_after_a_file_that_a_kill_cut_off(run):
    with Fanout([TensorBoard()], run) as fanout:
        for number in (1, 2, 3):
            fanout.write(number, record(number))
    (file,) = (run.folder / "tensorboard").iterdir()
    file.write_bytes(file.read_bytes()[:-5])
    with Fanout([TensorBoard()], run) as fanout:
        for number in (1, 2, 3, 4):
            fanout.write(number, record(number))
    assert [step for step, _ in steps_in_tensorboard(run.folder / "tensorboard")["best_error"]] == [1, 2, 3, 4]


@needs("mlflow")
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # those of its own dependencies
def test_mlflow_reads_back_one_run_written_in_two_stretches(run, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for stretch, result in ((range(1, 4), None), (range(1, 6), {"error": 0.25})):
        with Fanout([MLflow()], run) as fanout:
            for number in stretch:
                fanout.write(number, record(number))
            if result is not None:
                fanout.finish(result)
        assert fanout.failures == {}
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{run.home / 'mlflow.db'}")
    (found,) = client.search_runs([client.get_experiment_by_name("qvar").experiment_id])
    assert (found.info.run_name, found.info.status) == ("a", "FINISHED")
    assert found.data.params["problem.key"] == "h2-2"
    history = client.get_metric_history(found.info.run_id, "best_error")
    assert sorted((metric.step, metric.value) for metric in history) == [(n, 1 / n) for n in range(1, 6)]
    assert found.data.metrics["result/error"] == 0.25
    assert not logging.getLogger("qvar").disabled


@needs("wandb")
@pytest.mark.filterwarnings("ignore")
def test_wandb_stays_on_this_machine_keeps_its_id_and_no_key(run, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    for stretch in (range(1, 4), range(1, 6)):
        with Fanout([WeightsAndBiases()], run) as fanout:
            for number in stretch:
                fanout.write(number, record(number))
            fanout.finish({})
        assert fanout.failures == {}
    files = [path for path in (run.folder / "wandb").rglob("*") if path.is_file()]
    assert {path.name for path in files if path.suffix == ".wandb"} == {f"run-{run.id}.wandb"}
    assert last_step_on_disk(run.folder / "wandb") == 5
    assert not any(KEY.encode() in path.read_bytes() for path in files)


@needs("wandb")
def test_wandb_is_offline_unless_the_user_has_logged_in(monkeypatch, tmp_path):
    from qvar.runs.sinks.wandb import _has_logged_in

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    assert not _has_logged_in()
    Path(os.environ["HOME"], ".netrc").write_text("machine api.wandb.ai login user password x\n")
    Path(os.environ["HOME"], ".netrc").chmod(0o600)
    assert _has_logged_in()


@needs("tensorboard")
def test_a_record_can_be_given_afterwards_and_only_once(run):
    folder = RunFolder.open(run.folder)
    for number in (1, 2):
        folder.append_metrics(record(number))
    assert replay(run.folder, [TensorBoard()]) == 2
    folder.append_metrics(record(3))
    assert replay(run.folder, [TensorBoard()]) == 3
    assert [step for step, _ in steps_in_tensorboard(run.folder / "tensorboard")["best_error"]] == [1, 2, 3]


def test_a_replay_that_fails_says_so(run):
    RunFolder.open(run.folder).append_metrics(record(1))
    with pytest.raises(RunError, match=r"could not be given to memory \(OSError\)"):
        replay(run.folder, [Sink(Writer(fails="write"))])


KILLED = """
import os, signal, sys
from pathlib import Path
from qvar.runs import Fanout, RunFolder, SinkRun, find_sinks
folder = RunFolder.open(Path(sys.argv[1]))
with Fanout(find_sinks(sys.argv[2]), SinkRun.at(folder.path, folder.id, folder.config)) as fanout:
    for number in range(1, 31):
        fanout.write(number, {"best_error": 1 / number})
    assert not fanout.failures
    os.kill(os.getpid(), signal.SIGKILL)
"""


def tensorboard_steps(run):
    from qvar.runs.sinks.tensorboard import _events

    return [event.step for event in _events(run.folder / "tensorboard") if event.summary.value]


def wandb_steps(run):
    from qvar.runs.sinks.wandb_files import _steps

    files = sorted((run.folder / "wandb").glob("*run-*/run-*.wandb"))
    return [step for file in files for step in _steps(file.read_bytes())]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "steps"),
    [
        pytest.param("tensorboard", tensorboard_steps, marks=needs("tensorboard")),
        pytest.param("wandb", wandb_steps, marks=needs("wandb")),
    ],
)
def test_after_a_kill_no_step_is_lost_and_none_is_there_twice(run, monkeypatch, name, steps):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.delenv("WANDB_SERVICE", raising=False)  # of this process, which a killed one does not take along
    killed = subprocess.run([sys.executable, "-c", KILLED, str(run.folder), name], check=False, capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    with Fanout(find_sinks(name), run) as fanout:
        for number in range(1, 61):
            fanout.write(number, {"best_error": 1 / number})
    assert fanout.failures == {}
    assert sorted(steps(run)) == list(range(1, 61))


@needs("wandb")
def test_a_log_of_wandb_is_read_to_where_it_was_cut_off(run, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    with Fanout([WeightsAndBiases()], run) as fanout:
        for number in range(1, 101):
            fanout.write(number, {f"{name}": 1.0 / number for name in range(40)})  # more than a block of the log
    assert wandb_steps(run) == list(range(1, 101))
    (file,) = (run.folder / "wandb").glob("*run-*/run-*.wandb")
    whole = file.read_bytes()
    assert len(whole) > 2**16
    found = []
    for length in range(0, len(whole), 997):
        file.write_bytes(whole[:length])
        steps = wandb_steps(run)
        assert steps == list(range(1, len(steps) + 1))
        found.append(len(steps))
    assert found == sorted(found)
