"""Searches that log: the record is the same as without, and a resumed run logs every episode once."""

import json

import pytest

from qvar.runs import SinkRun, TensorBoard
from qvar.search import RandomPolicy, search
from qvar.simulators import StatevectorSimulator
from qvar.simulators.errors import RunError


class Memory:
    """Keeps what it is given, over all stretches of a run; breaks if asked to."""

    name = "memory"

    def __init__(self, breaks=False):
        self.steps, self.results, self.breaks = [], [], breaks

    def check(self):
        pass

    def start(self, run: SinkRun):
        self.run = run
        return self

    @property
    def last_step(self):
        return max((step for step, _ in self.steps), default=0)

    def write(self, step, metrics):
        if self.breaks:
            raise ConnectionError("the server is gone")
        self.steps.append((step, metrics))

    def finish(self, result):
        self.results.append(result)


def run(out, **more):
    return search("h2-2", StatevectorSimulator(), RandomPolicy(), episodes=6, max_gates=3, seed=2, out=out, **more)


def record(path):
    lines = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name not in ("seconds", "check")} for line in lines]


@pytest.mark.parametrize("breaks", [False, True])
def test_the_record_is_the_same_with_a_sink_and_with_one_that_breaks(tmp_path, breaks):
    plain, logged = run(tmp_path / "a"), run(tmp_path / "b", sinks=[Memory(breaks)])
    assert plain.energy == logged.energy
    assert record(tmp_path / "a") == record(tmp_path / "b")
    assert (tmp_path / "a" / "config.json").read_bytes() == (tmp_path / "b" / "config.json").read_bytes()


def test_an_interrupted_run_logs_every_episode_once(tmp_path):
    sink = Memory()

    def stop(entry):
        if entry["episode"] == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "a", sinks=[sink], on_episode=stop)
    result = run(tmp_path / "a", sinks=[sink], resume=True)
    assert [step for step, _ in sink.steps] == [1, 2, 3, 4, 5, 6]
    assert [metrics["best_error"] for _, metrics in sink.steps] == [r["best_error"] for r in record(tmp_path / "a")]
    assert sink.results[0] is None
    assert sink.results[1]["error"] == result.error
    assert (sink.run.name, sink.run.home) == ("a", tmp_path)


def test_a_sink_needs_a_run_folder(tmp_path):
    with pytest.raises(RunError, match="give a folder"):
        run(None, sinks=[Memory()])


def test_a_sink_cannot_be_given_twice(tmp_path):
    with pytest.raises(RunError, match="once"):
        run(tmp_path / "a", sinks=[TensorBoard(), TensorBoard()])
    assert not (tmp_path / "a").exists()
