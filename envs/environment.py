"""The environment: an agent builds a circuit gate by gate, all angles are optimized after every gate.

A thin shell over pure functions: `actions` (what an index means), `encoding` (what the agent sees), `reward`,
`curriculum` and `halting`. Circuit, engine and optimizer come from the layers below.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, SupportsIndex

import gymnasium
import numpy as np
from numpy.typing import NDArray

from qvar.envs.actions import ActionTable
from qvar.envs.curriculum import Curriculum, CurriculumState
from qvar.envs.defaults import CouplingMap, default_optimizer, find_coupling_map, find_problem
from qvar.envs.encoding import GateGrid, observation_space
from qvar.envs.evaluation import CircuitEvaluator, Evaluation, Sampling
from qvar.envs.halting import Halting, NoHalting
from qvar.envs.presets import default_curriculum
from qvar.envs.reward import PaperReward, Reward
from qvar.envs.start import StartCircuit
from qvar.simulators.checks import check_whole
from qvar.simulators.circuit import Circuit
from qvar.simulators.errors import ArchitectureError

if TYPE_CHECKING:
    from qvar.optimizers import Optimizer
    from qvar.problems import Problem
    from qvar.simulators.engine import Engine

__all__ = ["ArchitectureSearchEnv"]


@dataclass(frozen=True)
class _Episode:
    """Everything that changes within an episode."""

    circuit: Circuit
    parameters: NDArray[np.float64]
    energy: float
    grid: GateGrid
    last: tuple[int, ...]
    limit: int
    reference: float
    threshold: float
    optimizer_rng: np.random.Generator
    shots_rng: np.random.Generator
    origin: dict[str, Any]
    is_over: bool = False


class ArchitectureSearchEnv(gymnasium.Env[NDArray[np.float32], np.int64]):
    """Search for a circuit of CNOT, RX, RY and RZ gates that minimizes the energy of a problem.

    Every episode starts from |0...0>, or from the `start` circuit: its gates count like all others, in depth,
    gate numbers, `max_gates`, observations and masks, and its angles are optimized with all others. A step places
    one gate, optimizes *all* angles from their last values (a new rotation starts at 0), evaluates the energy
    afresh at the angles found, and rewards the change. An episode is `terminated` by success, |E - mu| < xi with
    mu and xi from the curriculum, and `truncated` at the gate limit or at a halting step without success; both at
    once count as success.

    With `optimize_every=k` angles are optimized at every k-th gate placed and at the last one of an episode; at the
    gates between, a new rotation stays at angle 0 and only the energy is evaluated. If that energy would be a
    success, all angles are optimized at once, and the outcome decides.

    Masked actions only repeat the gate before them. The mask is advice: a masked action given to `step` is
    placed like any other, it merely wastes a gate. Stepping an episode that is over raises. An episode given up
    by `reset` does not count as one for the curriculum.

    `info`, after `reset` and after every `step`:

    | key | type | content |
    |---|---|---|
    | action_mask | int8 array | 1 for legal actions (also `action_masks()`, as bool) |
    | success | bool | the energy lies within the threshold after this step |
    | end_reason | str or None | "success", "limit" or "halted"; None while the episode goes on |
    | energy | float | energy as this engine and these shots estimate it, the last entry of the observation |
    | noiseless_energy | float | the same circuit and angles without noise and shots (not counted as a cost) |
    | error | float | abs(noiseless_energy - exact energy of the problem) |
    | threshold | float | threshold in force in this episode |
    | depth, n_cnots, n_rotations | int | size of the circuit, start circuit included |
    | optimized | bool | the angles were optimized in this step |
    | evaluations, gradients, shots | int | what the step cost, the final evaluation included |

    Chance: at reset, `np_random` seeds three generators, for halting, the optimizer and shots. The chance of
    an episode is thus the same whatever happened in earlier ones, and the state of `np_random` between
    episodes, with that of the curriculum, is all there is to save.

    Args:
        problem: what to minimize; a name such as "h2-4" (for `gymnasium.make`) stands for `find_problem(name)`.
        engine: where energies come from; None for an ideal `StatevectorSimulator`.
        optimizer: how angles are optimized; None for `LBFGS()`, with shots for `AdamSPSA()`.
        max_gates: gates of a circuit, start circuit included; the depth D of the observation.
        curriculum: when an episode succeeds; None for `default_curriculum`.
        halting: how episodes are shortened, that is, how many of the gates left by the start circuit they may
            place; None for `NoHalting()`.
        reward: what a step is worth; None for `PaperReward()`.
        start: the circuit every episode begins with, None for the empty one. What finding it cost
            (`start.evaluations`, `start.gradients`) is in no `info`: a run counts it once.
        optimize_every: gates placed for one optimization of all angles, at least 1.
        coupling_map: pairs (control, target) on which CNOTs may act, "all" for every pair, None for that of
            the engine's noise model (its first n_qubits qubits) or, without one, every pair.
        shots: shots per measured circuit, None for exact expectation values.
        sampling: how energies with shots are drawn, see `CircuitEvaluator`.
        remember: circuits whose optimized angles are kept, see `CircuitEvaluator`; 0 for none.
        render_mode: "ansi" for text drawings from `render()`, None for no rendering. Where a library asks for
            another mode, say None (`make_vec_env(..., env_kwargs={"render_mode": None})`).

    Attributes:
        action_table: what an action index means; share it with agents.
        curriculum: the mutable state of the curriculum, with `reference` and `threshold`.
        start: the start circuit, with `circuit` and `parameters`.
        circuit, parameters: what has been built in this episode.

    Raises:
        ArchitectureError: for numbers below 1, an unknown render mode, a coupling map that does not connect the
            problem's qubits, or a start circuit that is no circuit of these actions or leaves no gate to place.

    Example:
        >>> import gymnasium, qvar.envs
        >>> env = gymnasium.make("qvar/Probe-SingleRotation-v0")
        >>> _, info = env.reset(seed=7)
        >>> info["energy"]
        1.0
        >>> _, reward, terminated, truncated, info = env.step(1)  # a rotation about Y takes |0> to |1>
        >>> reward, terminated, truncated, round(info["energy"], 6), info["end_reason"]
        (5.0, True, False, -1.0, 'success')

    Source:
        Patel et al., ICLR 2024, arXiv 2402.03500.

    Differs from the source:
        - The released code optimizes the circuit *before* the new gate, so that rewards lag by one step; here
          the gate is placed, then all angles are optimized, then the energy is evaluated and rewarded.
        - Start circuits and rarer optimizations are not in the source (see TensorRL-QAS, arXiv 2505.09371, and
          OptCRLQAS, arXiv 2604.21863).
        - One `done` flag became `terminated` and `truncated`; halted episodes also get the failure reward.
        - The energy at reset comes from the same estimator as all later ones.
        - The reported energy is a fresh evaluation, not the optimizer's own minimum over noisy values.
        - Errors are against the exact energy of the problem, never against the lower bound.
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi"], "render_fps": 1}  # noqa: RUF012 - gymnasium's type

    def __init__(
        self,
        problem: "Problem | str",
        engine: "Engine | None" = None,
        *,
        optimizer: "Optimizer | None" = None,
        max_gates: int = 40,
        curriculum: Curriculum | None = None,
        halting: Halting | None = None,
        reward: Reward | None = None,
        start: StartCircuit | None = None,
        optimize_every: int = 1,
        coupling_map: CouplingMap | None = None,
        shots: int | None = None,
        sampling: Sampling = "multinomial",
        remember: int = 0,
        render_mode: str | None = None,
    ) -> None:
        from qvar.simulators.statevector import StatevectorSimulator

        max_gates = check_whole("max_gates", max_gates, error=ArchitectureError)
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ArchitectureError(f"render_mode is 'ansi' or None, got {render_mode!r}")
        self.problem = find_problem(problem)
        self.engine = StatevectorSimulator() if engine is None else engine
        self.evaluator = CircuitEvaluator(
            self.problem,
            self.engine,
            optimizer=default_optimizer(shots) if optimizer is None else optimizer,
            shots=shots,
            sampling=sampling,
            remember=remember,
        )
        self.max_gates = max_gates
        self.halting: Halting = NoHalting() if halting is None else halting
        self.reward: Reward = PaperReward() if reward is None else reward
        self.optimize_every = check_whole("optimize_every", optimize_every, error=ArchitectureError)
        self.render_mode = render_mode
        self.action_table = ActionTable(
            self.problem.n_qubits, find_coupling_map(coupling_map, self.engine, self.problem.n_qubits)
        )
        self.start = StartCircuit.empty(self.problem.n_qubits) if start is None else start
        self._check_start()
        self._first_grid = GateGrid.of(self.start.circuit, max_gates=max_gates)
        self._first_last = self.action_table.last_actions(self.start.circuit)
        if curriculum is None:
            curriculum = default_curriculum(self.problem)
        self.curriculum: CurriculumState = curriculum.start(
            exact_energy=self.problem.exact_energy, lower_bound=self.problem.lower_bound
        )
        self.action_space = gymnasium.spaces.Discrete(len(self.action_table))
        self.observation_space = observation_space(
            self.problem.observable, n_qubits=self.problem.n_qubits, max_gates=max_gates
        )
        self._episode: _Episode | None = None

    @property
    def circuit(self) -> Circuit:
        """The circuit built so far."""
        return self._started().circuit

    @property
    def parameters(self) -> NDArray[np.float64]:
        """Its angles after the last optimization, float64 of shape (circuit.n_parameters,), radians."""
        return self._started().parameters.copy()

    def action_masks(self) -> NDArray[np.bool_]:
        """Return which actions are legal now, bool of shape (n_actions,)."""
        return self.action_table.legal_mask(self._started().last)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Start an episode from the start circuit.

        Args:
            seed: seed of `np_random`; None to go on with it.
            options: none are known.

        Raises:
            ArchitectureError: if options are given.
        """
        super().reset(seed=seed)
        if options:
            raise ArchitectureError(f"this environment has no reset options, got {sorted(options)}")
        origin = dict(self.np_random.bit_generator.state)
        halting_rng, optimizer_rng, shots_rng = map(np.random.default_rng, self.np_random.integers(2**63, size=3))
        outcome = self.evaluator.evaluate(self.start.circuit, self.start.parameters, shots_rng=shots_rng)
        room = self.max_gates - self.start.n_gates
        self._episode = _Episode(
            circuit=outcome.circuit,
            parameters=outcome.parameters,
            energy=outcome.energy,
            grid=self._first_grid,
            last=self._first_last,
            limit=self.start.n_gates + min(self.halting.draw(room, halting_rng), room),
            reference=self.curriculum.reference,
            threshold=self.curriculum.threshold,
            optimizer_rng=optimizer_rng,
            shots_rng=shots_rng,
            origin=origin,
        )
        return self._observe(), self._info(outcome, optimized=False, success=False, end_reason=None)

    def step(self, action: SupportsIndex) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Place one gate, optimize all angles, evaluate, reward.

        Args:
            action: index into `action_table`.

        Raises:
            ArchitectureError: for an action that does not exist.
            gymnasium.error.ResetNeeded: before the first reset, or if the episode is over.
        """
        before = self._started()
        if before.is_over:
            raise gymnasium.error.ResetNeeded("the episode is over; call reset() before the next step()")
        index = self.action_table.check_index(action)
        gate = self.action_table[index]
        operation = gate.operation(before.circuit.n_parameters)
        circuit = before.circuit.then((operation,))
        outcome, optimized = self._judge(circuit, before)
        energy = outcome.energy
        self.curriculum.record_energy(energy)

        n_gates = len(circuit.operations)
        success = self._succeeds(energy, before)
        failure = not success and n_gates >= before.limit
        reward = self.reward(
            gate=gate,
            energy=energy,
            previous_energy=before.energy,
            reference=before.reference,
            success=success,
            failure=failure,
        )
        if success or failure:
            self.curriculum.end_episode(success)
        self._episode = replace(
            before,
            circuit=circuit,
            parameters=outcome.parameters,
            energy=energy,
            grid=before.grid.then(operation),
            last=self.action_table.advance(before.last, index),
            is_over=success or failure,
        )
        failed_by = "limit" if n_gates >= self.max_gates else "halted"
        end_reason = "success" if success else failed_by if failure else None
        info = self._info(outcome, optimized=optimized, success=success, end_reason=end_reason)
        return self._observe(), float(reward), success, failure, info

    def render(self) -> str | None:
        """Return a text drawing of the circuit with its angles, None without a render mode."""
        if self.render_mode is None:
            return None
        episode = self._started()
        return str(episode.circuit.bind(episode.parameters).draw())

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run needs, as data that JSON can hold; call it between episodes.

        An episode without any step yet counts as not begun: the resumed run will begin that very episode.

        Raises:
            ArchitectureError: in the middle of an episode, whose circuit is not part of the state.
        """
        chance = dict(self.np_random.bit_generator.state)
        if self._episode is not None and not self._episode.is_over:
            if len(self._episode.circuit.operations) > self.start.n_gates:
                raise ArchitectureError(
                    "the state can be saved between episodes only: after the end of one, before the first step of "
                    "the next"
                )
            chance = self._episode.origin
        return {"curriculum": self.curriculum.state_dict(), "np_random": chance}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take over a state given by `state_dict`; the next reset, without a seed, goes on from there.

        Raises:
            ArchitectureError: if an entry is missing or unknown.
        """
        if set(state) != {"curriculum", "np_random"}:
            raise ArchitectureError(f"an environment's state holds curriculum and np_random, got {sorted(state)}")
        self.curriculum.load_state_dict(state["curriculum"])
        generator = np.random.Generator(np.random.PCG64())
        generator.bit_generator.state = state["np_random"]
        self.np_random = generator
        self._episode = None

    def _started(self) -> _Episode:
        if self._episode is None:
            raise gymnasium.error.ResetNeeded("no episode has begun; call reset() first")
        return self._episode

    def _check_start(self) -> None:
        if self.start.circuit.n_qubits != self.problem.n_qubits:
            raise ArchitectureError(
                f"the start circuit has {self.start.circuit.n_qubits} qubit(s), the problem {self.problem.n_qubits}"
            )
        if self.start.n_gates >= self.max_gates:
            raise ArchitectureError(
                f"the start circuit has {self.start.n_gates} gates and max_gates={self.max_gates} counts them too; "
                f"give max_gates of at least {self.start.n_gates + 1}"
            )

    def _judge(self, circuit: Circuit, before: _Episode) -> tuple[Evaluation, bool]:
        """Return the circuit with its angles and energy, and whether the angles were optimized."""
        start = np.concatenate([before.parameters, np.zeros(circuit.n_parameters - len(before.parameters))])
        n_gates = len(circuit.operations)
        tried = None
        if (n_gates - self.start.n_gates) % self.optimize_every and n_gates < before.limit:
            tried = self.evaluator.evaluate(circuit, start, shots_rng=before.shots_rng)
            if not self._succeeds(tried.energy, before):
                return tried, False
        chance = {"optimizer_rng": before.optimizer_rng, "shots_rng": before.shots_rng}
        optimized = self.evaluator.optimize(circuit, start, **chance)
        if tried is not None:
            evaluations, shots = optimized.evaluations + tried.evaluations, optimized.shots + tried.shots
            optimized = replace(optimized, evaluations=evaluations, shots=shots)
        return optimized, True

    @staticmethod
    def _succeeds(energy: float, episode: _Episode) -> bool:
        return abs(energy - episode.reference) < episode.threshold

    def _observe(self) -> NDArray[np.float32]:
        episode = self._started()
        return episode.grid.observation(episode.energy)

    def _info(self, cost: Evaluation, *, optimized: bool, success: bool, end_reason: str | None) -> dict[str, Any]:
        episode = self._started()
        noiseless = episode.energy
        if not self.evaluator.is_noiseless:
            noiseless = self.evaluator.noiseless_energy(episode.circuit, episode.parameters)
        return {
            "action_mask": self.action_masks().astype(np.int8),
            "success": success,
            "end_reason": end_reason,
            "energy": episode.energy,
            "noiseless_energy": noiseless,
            "error": abs(noiseless - float(self.problem.exact_energy)),
            "threshold": episode.threshold,
            "depth": episode.grid.depth,
            "n_cnots": len(episode.circuit.operations) - episode.circuit.n_parameters,
            "n_rotations": episode.circuit.n_parameters,  # every rotation has a slot of its own
            "optimized": optimized,
            "evaluations": cost.evaluations,
            "gradients": cost.gradients,
            "shots": cost.shots,
        }
