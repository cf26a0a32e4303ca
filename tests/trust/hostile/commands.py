"""The command line as a reader of its arguments: every command with hostile words, numbers, names and paths.

Work that takes long is cut off where it would begin: what is tried is whether arguments are refused in words, before.
"""

import contextlib
import io
import os
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

from hypothesis import strategies as st

from tests.trust.hostile import seeds
from tests.trust.hostile.mutations import NUMBERS, TEXTS
from tests.trust.hostile.readers import Reader, Tree
from tests.trust.hostile.sandbox import WorkBegins

__all__ = ["COMMANDS"]

_LINES = """
tasks
devices --fake
presets
energy a.qasm 'ZZ - 0.5*XI' --noise mumbai-median --shots 100 --seed 1 --json
energy a.qasm h2-2 --engine aer:statevector --angles 0.1
energy a.qpy ZZ --engine propagation
prune a.qasm h2-2 --tolerance 1e-3 --judge noiseless --out b.qasm
vqe h2-2 --ansatz a.qasm --reps 2 --starts 1 --optimizer lbfgs --noise ourense --qubits 1,2
vqe tfim-3 --engine runtime:fake:FakeManilaV2 --shots 10 --evaluations 5 --max-qpu-seconds 10 --out hw --yes
search h2-2 --noise noise.json --algorithm random --preset qvar --episodes 2 --max-gates 3 --seed 1 --out r --quiet
search problem.json --algorithm ddqn --start a.qasm --reward gate-cost --halting scaled --optimize-every 2 --shots 10
search h2-2 --max-energies 100 --judge measured --cnot-price 0.1 --environments 2 --sampling normal --shots 5 --prune
search --resume --out run
sweep h2-2,tfim-3 --noise none,ourense --algorithm random --seeds 0-1 --episodes 1 --jobs 1 --out s --quiet
show run --json
show sweep
report run sweep --out report.html --figures figures --format pdf,png
report run --markdown
log run --to tensorboard
latent tasks --json
latent pretrain --qubits 4 --circuits 100 --gates 6 --depth 4 --epochs 1 --batch 10 --model v3 --beta 0.1 --out l
latent pretrain --space wide --qubits 3 --gate-pool rx,cx --coupling 0-1,1-2 --latent-size 4 --prior ard --draw layers
latent embed latent --qasm a.qasm --neighbours 2 --out f.csv
latent search latent --task w-3 --method random --mode pool --evaluations 5 --seeds 1 --name study --noise none --quiet
latent report latent --json
compare blobs --features raw --models logistic-regression --splits 2 --test-size 0.3 --train-sizes 20,30 --out c --quiet
compare --resume --out comparison --html c.html
compare --list
hardware list --fake --min-qubits 5
hardware estimate a.qasm ZZ --on fake:FakeManilaV2 --shots 10 --resilience 0,1 --layout 0,1 --tries 1 --json
hardware run run --on fake:FakeManilaV2 --mode job --max-shots 100 --max-jobs 2 --decoupling XY4 --dry-run
hardware jobs hardware --json
hardware resume hardware --max-qpu-seconds 5 --quiet
device snapshot fake:FakeManilaV2 --out d.json --qubits 0,1
molecule 'H 0 0 0; H 0 0 0.74' --out m.json --basis sto-3g --unit angstrom --charge 0 --spin 0 --active 2,2
maxcut '0-1, 1-2:0.5' --out g.json
dashboard run --port 99999
"""
_WORDS = tuple(shlex.split(line) for line in _LINES.strip().splitlines())
_OPTIONS = tuple(sorted({word for words in _WORDS for word in words if word.startswith("--")}))
_PATHS = (
    "run",
    "sweep",
    "latent",
    "comparison",
    "hardware",
    "a.qasm",
    "a.qpy",
    "noise.json",
    "problem.json",
    "missing",
    "",
)


def _folder() -> list[Tree]:
    """Return a folder with one record of every kind, for commands to name."""
    tree: dict[str, bytes] = {}
    for name, kind, number in (
        *(("run", "runs", 0), ("sweep", "runs", 4), ("latent", "latent", 0)),
        *(("comparison", "comparisons", 0), ("hardware", "hardware", 0)),
    ):
        for file, content in getattr(seeds, kind)()[number].items():
            tree[f"{name}/{file}"] = content
    circuits = seeds.circuit_files()
    tree |= {"a.qasm": seeds.qasm3()[1]["text"], **circuits[-2], **seeds.noise()[0], **seeds.problem()[0]}
    return [{**tree, "words": shlex.join(words).encode()} for words in _WORDS]


@st.composite
def _edited(draw: Any, seed: bytes) -> bytes:
    words = shlex.split(seed.decode())
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(words) - 1)) if words else 0
        kind = draw(st.integers(0, 9))
        if kind <= 4 and words:
            words[place] = draw(_word())
        elif kind <= 6:
            words[place:place] = [draw(st.sampled_from(_OPTIONS)), *([draw(_word())] if draw(st.booleans()) else [])]
        elif kind == 7 and words:
            del words[place]
        elif kind == 8 and words:
            words.append(words[place])
        else:
            words[place:place] = [draw(_word())]
    return shlex.join(word.replace("\0", "") for word in words).encode("utf-8", "surrogatepass")


@st.composite
def _word(draw: Any) -> str:
    kind = draw(st.integers(0, 4))
    if kind == 0:
        return str(draw(st.sampled_from(NUMBERS)))[:5000]
    if kind == 1:
        return str(draw(st.sampled_from(TEXTS)))[:20_000]
    if kind == 2:
        return str(draw(st.sampled_from(_PATHS)))
    if kind == 3:
        line = draw(st.sampled_from(_WORDS))
        return str(draw(st.sampled_from(line)))
    return ",".join(str(draw(st.sampled_from(NUMBERS))) for _ in range(2))[:5000]


def _command(inbox: Path) -> None:
    from qvar.cli import main

    words = shlex.split((inbox / "words").read_bytes().decode("utf-8", "surrogatepass"))
    os.chdir(inbox)
    error = io.StringIO()
    with _without_work(), contextlib.redirect_stderr(error):
        try:
            main(words)
        except SystemExit as left:
            code = left.code
    os.chdir("/")
    if "WorkBegins" in error.getvalue():  # with --json the command line reports even this
        raise WorkBegins
    if code not in (0, 2, None):
        raise AssertionError(f"exit code {code}: {error.getvalue()[-300:]}")
    if "Traceback" in error.getvalue():
        raise AssertionError(f"a traceback: {error.getvalue()[-300:]}")
    if code == 2:
        from qvar.simulators.errors import QvarError

        raise QvarError(error.getvalue()[:200])


@contextlib.contextmanager
def _without_work() -> Iterator[None]:
    """Let long work end where it begins."""

    def begin(*_: object, **__: object) -> None:
        raise WorkBegins

    with contextlib.ExitStack() as stack:
        for name in _WORK:
            stack.enter_context(mock.patch(name, begin))
        yield


_WORK: Sequence[str] = (
    *("qvar.cli.search.search.run_search", "qvar.cli.search.sweep.sweep", "qvar.cli.simulate.vqe.vqe"),
    *(
        "qvar.cli.simulate.prune.prune",
        "qvar.cli.latent.pretrain.carry_out",
        "qvar.cli.latent.search.search_latent_space",
    ),
    *("qvar.cli.classify.compare.run_comparison", "qvar.cli.hardware.run.execute", "qvar.cli.hardware.run.plan"),
    *("qvar.cli.simulate.hardware_vqe.vqe", "qvar.cli.results.dashboard.serve", "qvar.cli.latent.report.measure"),
    "qvar.cli.problems.making.molecule_from_geometry",
)

COMMANDS: tuple[Reader, ...] = (
    Reader("the command line", _command, _folder, {"words": _edited}, cost=5, names_paths=True),
)
