"""The experiments of CRLQAS, one row each, with their published hyper-parameters.

They are made for a GPU and days: a learner step of the smallest network takes a second on two cores.

Source:
    Patel et al., ICLR 2024, arXiv 2402.03500, and the configurations of its released code.

Differs from the source:
    - Rewards, targets and masks are those of `qvar.envs` and `qvar.agents`, which say what they change.
    - Random halting without noise is `NegativeBinomialHalting`. At 70 gates that is the released distribution but for
      one gate; at 40 gates the released one, `FixedNegativeBinomialHalting`, would halt one episode in fourteen.
    - Noisy hydrogen on 2 and 3 qubits takes the threshold of the runs without noise; the released one is negative.
    - The paper has 2000 units a layer for 4 qubits with noise, its released code 1000, as here.
    - Water in Angstrom (`h2o-8`) is not in the source: it takes the row of `h2o-8-bohr`, with a threshold of its own.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from qvar.agents import DoubleDQN
from qvar.envs import ModeHalting, MovingThreshold, NegativeBinomialHalting, NoHalting, paper_curriculum
from qvar.envs.curriculum import ReferenceKind
from qvar.optimizers import AdamSPSA, Cobyla
from qvar.simulators.errors import RunError

__all__ = ["EXPERIMENTS", "Experiment", "find_experiment"]


@dataclass(frozen=True)
class Experiment:
    """One experiment of the paper; its optimizer decides whether energies are exact or sampled.

    Attributes:
        preset: the preset under which `configure` finds it.
        task: key of the molecule.
        noise: name of the device (`NoiseModel.named`), None for none.
        episodes: circuits built from scratch.
        max_gates: gates per circuit.
        width: units in each of the five layers of the network.
        learning_rate: of Adam.
        n_step: rewards summed before bootstrapping.
        optimizer: of the angles.
        shots: shots per measured circuit, None for exact values.
        halting: how episodes are shortened.
        reference: the reference energy of the curriculum.
        switch: the curriculum's `switch` where it is not that of the task.
        is_published: whether the source has it.
    """

    preset: str
    task: str
    noise: str | None
    episodes: int
    max_gates: int
    width: int
    learning_rate: float
    n_step: int
    optimizer: Cobyla | AdamSPSA
    shots: int | None = None
    halting: NoHalting | NegativeBinomialHalting | ModeHalting = field(default_factory=NoHalting)
    reference: ReferenceKind = "lower_bound"
    switch: float | None = None
    is_published: bool = True

    @property
    def algorithm(self) -> DoubleDQN:
        """Settings of the agent."""
        return DoubleDQN.paper(width=self.width, learning_rate=self.learning_rate, n_step=self.n_step)

    @property
    def curriculum(self) -> MovingThreshold:
        """Settings of the curriculum."""
        published = paper_curriculum(self.task, reference=self.reference)
        return published if self.switch is None else replace(published, switch=self.switch)

    def to_dict(self) -> dict[str, Any]:
        """Return the row as JSON-able data, for listings."""
        return {
            "preset": self.preset,
            "task": self.task,
            "noise": self.noise,
            "shots": self.shots,
            "episodes": self.episodes,
            "max_gates": self.max_gates,
            "hidden": list(self.algorithm.hidden),
            "learning_rate": self.learning_rate,
            "n_step": self.n_step,
            "optimizer": type(self.optimizer).__name__,
            "max_evaluations": self.optimizer.max_evaluations,
            "halting": not isinstance(self.halting, NoHalting),
            "reference": self.reference,
            "published": self.is_published,
        }


def _rows() -> tuple[Experiment, ...]:
    quick, long = Cobyla(100), Cobyla(1000)
    h2_2, h2_3, h2_4 = (10_000, 40, 1000, 1e-4, 1), (15_000, 40, 1000, 1e-4, 1), (20_000, 40, 1000, 1e-4, 1)
    lih_4, lih_6, lih_6_exact = (30_000, 40, 1000, 3e-4, 5), (40_000, 70, 2000, 1e-4, 6), (50_000, 70, 2000, 1e-4, 6)
    water = (50_000, 250, 5000, 1e-4, 6)
    with_noise, h2_2_with_noise = (15_000, 40, 1000, 3e-4, 5), (10_000, 40, 1000, 3e-4, 5)
    halts, mode = NegativeBinomialHalting(), ModeHalting()
    spsa = AdamSPSA.published
    without_noise = (
        Experiment("crlqas", "h2-2", None, *h2_2, quick),
        Experiment("crlqas", "h2-3", None, *h2_3, quick),
        Experiment("crlqas", "h2-4", None, *h2_4, long),
        Experiment("crlqas", "lih-4", None, *lih_4, long),
        Experiment("crlqas-halting", "lih-4", None, *lih_4, long, halting=halts),
        Experiment("crlqas", "lih-6", None, *lih_6, long),
        Experiment("crlqas-halting", "lih-6", None, *lih_6, long, halting=halts),
        Experiment("crlqas-exact", "lih-6", None, *lih_6_exact, long, reference="exact"),
        Experiment("crlqas-exact-halting", "lih-6", None, *lih_6_exact, long, halting=halts, reference="exact"),
        Experiment("crlqas", "h2o-8-bohr", None, *water, long),
        Experiment("crlqas", "h2o-8", None, *water, long, is_published=False),
    )
    with_shots = (
        Experiment("crlqas", "h2-2", None, *h2_2, spsa("h2-2"), 10**4),
        Experiment("crlqas", "h2-3", None, *h2_3, spsa("h2-3"), 10**5),
        Experiment("crlqas", "lih-4", None, 15_000, *lih_4[1:], spsa("lih-4"), 10**7),
        Experiment("crlqas", "lih-6", None, *lih_6, spsa("lih-6"), 10**9),
    )
    mumbai = tuple(
        row
        for device in ("mumbai-median", "mumbai-max", "mumbai-10max")
        for row in (
            Experiment("crlqas", "h2-2", device, *h2_2_with_noise, spsa("h2-2", noisy=True), 10**3, mode),
            Experiment("crlqas", "h2-3", device, *with_noise, spsa("h2-3", noisy=True), 10**4, mode),
        )
    )
    lih_noise = {"mumbai-median": None, "depolarizing-1q": None, "depolarizing-1q-2q": 2.45}
    other_noise = (
        Experiment("crlqas", "h2-4", "ourense", *with_noise, quick, halting=mode),
        Experiment("crlqas-no-halting", "h2-4", "ourense", *with_noise, long),
        *(
            Experiment("crlqas", "lih-4", name, *with_noise, spsa("lih-4", noisy=True), 10**7, mode, switch=switch)
            for name, switch in lih_noise.items()
        ),
    )
    return without_noise + with_shots + mumbai + other_noise


EXPERIMENTS = _rows()
"""Every experiment."""


def find_experiment(preset: str, task: str, *, noise: str | None, shots: int | None) -> Experiment:
    """Return the experiment of a preset for a task, under noise or not, with shots or not.

    Args:
        preset: a preset of `EXPERIMENTS`.
        task: key of the molecule.
        noise: name of the device, None for none. A device that the paper does not have takes the row of the task's
            first one.
        shots: shots asked for; None takes the exact row where there is one, with noise whatever the row has.

    Raises:
        RunError: if the paper has no such experiment.
    """
    rows = [row for row in EXPERIMENTS if (row.preset, row.task, row.noise is None) == (preset, task, noise is None)]
    if noise is None or shots is not None:
        rows = [row for row in rows if (row.shots is None) == (shots is None)]
    if rows:
        return next((row for row in rows if row.noise == noise), rows[0])
    under = "noiseless" if noise is None else f"with noise {noise}"
    known = (f"{row.task} {row.noise or 'noiseless'}{' with shots' if row.shots else ''}" for row in EXPERIMENTS)
    of_preset = dict.fromkeys(text for text, row in zip(known, EXPERIMENTS, strict=True) if row.preset == preset)
    raise RunError(
        f"preset {preset} has no experiment {task} {under}{'' if shots is None else ' with shots'}; it has "
        f"{', '.join(of_preset)} (see `qvar presets`). Use the preset qvar"
    )
