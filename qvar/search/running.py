"""Run a search: play episodes of its algorithm, record them, keep the best circuit, survive being killed.

The loop is deterministic: the same configuration gives the same metrics, whether or not the run was interrupted. State
is saved at the ends of episodes; a killed run goes on from the last saved one.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qvar.agents import DoubleDQN, MaskablePPO, check_installed
from qvar.agents.threads import limited_threads
from qvar.runs import Fanout, MetricSink, RunFolder, SinkRun, check_sinks
from qvar.runs.claim import claim
from qvar.search.configuration import Algorithm, SearchConfiguration
from qvar.search.environment import make_environment
from qvar.search.experience import Experience
from qvar.search.result import SearchResult
from qvar.search.run_in_progress import RunInProgress, start_cost
from qvar.simulators import Circuit
from qvar.simulators.errors import QvarError, RunError

__all__ = ["EpisodeCallback", "check_configuration", "run_search"]

EpisodeCallback = Callable[[Mapping[str, Any]], None]


def run_search(
    configuration: SearchConfiguration,
    *,
    out: Path | None = None,
    resume: bool = False,
    replay_from: Path | None = None,
    on_episode: EpisodeCallback | None = None,
    sinks: Sequence[MetricSink] = (),
    home: Path | None = None,
) -> SearchResult:
    """Run a search to its end and return the best circuit found.

    Args:
        configuration: what to run.
        out: the run folder; None to keep nothing on disk.
        resume: go on with the unfinished run in `out`; if it is finished, only read its result.
        replay_from: folder of a finished run of a double-DQN agent, whose experience fills the replay memory at the
            start. This run keeps a copy, and can be resumed without it.
        on_episode: called with the record of every episode, those read back on resuming included.
        sinks: where the numbers of the records go besides, such as `TensorBoard()`; it needs `out`.
        home: the folder that the run shares with others, for sinks; None for the one above `out`.

    Raises:
        RunError: if `out` holds another run, a damaged one, or any run at all without `resume`; if the run in
            `replay_from` is not finished, has no replay memory, or has other actions or observations than this one.
    """
    given = None if replay_from is None else Experience.read(replay_from)
    if given is not None:
        configuration = _with_replay(configuration, given)
    check_configuration(configuration)  # before anything is written
    check_sinks(sinks)
    if sinks and out is None:
        raise RunError("sinks follow a run that is on disk; give a folder with out")
    config = {} if out is None else configuration.to_dict()  # refuses what cannot be recorded
    with _claimed(out, resume=resume), _threads(configuration.algorithm):  # networks begin as threads have it, too
        folder = None if out is None else _prepare(config, out, resume=resume)
        experience = None if configuration.replay_from is None else _experience(configuration, folder, given)
        run = RunInProgress(configuration, folder, experience)
        run.restore()
        followed = None if folder is None else SinkRun.at(folder.path, folder.id, folder.config, home=home)
        return _follow(run, Fanout(sinks, followed), on_episode)


def _follow(run: RunInProgress, sinks: Fanout, on_episode: EpisodeCallback | None) -> SearchResult:
    """Play the run to its end and tell its records."""
    with sinks as fanout:

        def tell(record: Mapping[str, Any]) -> None:
            fanout.write(int(record["episode"]), record)
            if on_episode is not None:
                on_episode(record)

        for record in run.history:
            tell(record)
        while not run.is_over:
            for record in run.play():
                tell(record)
        result = run.finish()
        fanout.finish(result.to_dict())
    return result


def check_configuration(configuration: SearchConfiguration) -> None:
    """Raise if the environment's settings make no sense, or the engine cannot give the energies that are needed."""
    check_installed(configuration.algorithm)
    env = make_environment(configuration)
    every_gate = Circuit(env.problem.n_qubits)
    for action in env.action_table.actions:
        every_gate = every_gate.then((action.operation(every_gate.n_parameters),))
    angles = np.full(every_gate.n_parameters, 0.1)  # no multiples of pi/2, which some engines are limited to
    objective = env.problem.objective(configuration.engine, every_gate)
    try:
        objective(angles)
    except QvarError as error:
        raise RunError(
            f"{configuration.engine.name} gives no exact energies of the circuits searched, by which a search, with "
            f"shots too, judges what it has found: {error}"
        ) from error
    cost, budget = start_cost(configuration).energies, configuration.max_energies
    if budget is not None and cost >= budget:
        raise RunError(f"finding the start circuit cost {cost} energies, which leaves nothing of max_energies={budget}")


def _prepare(config: Mapping[str, Any], out: Path, *, resume: bool) -> RunFolder:
    if resume and (out / "config.json").exists():
        folder = RunFolder.open(out)
        folder.check_same(config)
    else:
        folder = RunFolder.create(out, config)
    return folder


def _claimed(out: Path | None, *, resume: bool) -> AbstractContextManager[None]:
    """Work on the run folder alone, if there is one; nothing is put into the folder of something else."""
    if out is None:
        return nullcontext()
    if not (resume and (out / "config.json").exists()):
        RunFolder.make(out)
    return claim(out, "run")


def _with_replay(configuration: SearchConfiguration, given: Experience) -> SearchConfiguration:
    """Return the configuration that names the run whose experience it starts with."""
    given.check_fits(configuration)
    if configuration.replay_from not in (None, given.run_id):
        raise RunError(f"the configuration replays from run {configuration.replay_from}, the folder is {given.run_id}")
    return replace(configuration, replay_from=given.run_id)


def _experience(
    configuration: SearchConfiguration, folder: RunFolder | None, given: Experience | None
) -> Mapping[str, NDArray[Any]]:
    """Return the experience to start with: this run's own copy, else what was given, which is then copied."""
    kept = None if folder is None else folder.load_replay()
    if kept is not None:
        return kept
    if given is None:
        raise RunError(
            f"this run replays from run {configuration.replay_from} and has no copy of its experience (yet); give the "
            "folder of that run once more (replay_from, --replay-from)"
        )
    if folder is not None:
        folder.save_replay(given.arrays)
    return given.arrays


def _threads(algorithm: Algorithm) -> AbstractContextManager[None]:
    """Set the threads that the settings of an agent ask for, one for any other algorithm."""
    return limited_threads(getattr(algorithm, "threads", 1), with_torch=isinstance(algorithm, DoubleDQN | MaskablePPO))
