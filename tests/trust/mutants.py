"""Campaign: do the tests notice defects put into `simulators/` and `envs/`?

    python tests/trust/mutants.py --sample 600 --seed 7

draws mutants from every module, at least two, in proportion to the root of the number of places where it can go wrong:
in plain proportion, most would lie in the index arithmetic of the kernels. For each it runs the tests that ran the
changed line, the quick ones first, then the others up to a budget. A record in the folder is added to, so that a
campaign that was stopped goes on. Survivors named in `mutants_explained.toml` are told from new ones; if any is new,
the campaign ends with an error. Needs `pip install cosmic-ray coverage`.

Differs from a run over all tests: a mutant may survive because the test that kills it is slow, or lies in another
folder; with `--again`, survivors meet more tests if the budget is larger. Kernels run without their compiler, but for
the files that only the compiler runs.
"""

import argparse
import json
import math
import subprocess
import sys
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, track  # noqa: E402

from tests.trust.mutant_runs import Outcome, Tree, run_tests  # noqa: E402
from tests.trust.mutant_table import table  # noqa: E402
from tests.trust.mutation import Mutant, mutant_source, mutants_of, source_hash  # noqa: E402

EXPLAINED = Path(__file__).with_name("mutants_explained.toml")
KERNELS = "simulators/kernels/"
COMPILED_ONLY = {"simulators/kernels/__init__.py", "simulators/kernels/lanes.py", "simulators/kernels/bits.py"}
NOT_SLOW = ["-m", "not slow"]
TESTS = [*NOT_SLOW, "tests/simulators", "tests/envs"]
KERNEL_TESTS = [
    *NOT_SLOW,
    "tests/simulators/test_kernels.py",
    "tests/simulators/test_against_density_matrix.py",
    "tests/simulators/test_gradients.py",
    "tests/simulators/test_batched_gradients.py",
    "tests/simulators/test_pulled_back.py",
    "tests/simulators/test_pure_plans.py",
    "tests/simulators/test_pauli_propagation.py",
    "tests/simulators/test_normal_shots.py",
    "tests/simulators/test_state_invariants.py",
    "tests/simulators/test_engines.py",
    "tests/optimizers/test_compiled.py",
    "tests/optimizers/test_rotosolve.py",
]
QUICK_SECONDS = 2.0


@dataclass(frozen=True)
class Campaign:
    """A folder with a copy of the tree, the record of mutants, and which tests run which lines."""

    folder: Path

    @property
    def record(self) -> Path:
        return self.folder / "record.jsonl"

    def traced(self, interpreted: bool) -> dict[str, Any]:
        """Return which tests ran which lines without a defect, from the folder if it was found out before."""
        path = self.folder / ("interpreted.json" if interpreted else "compiled.json")
        if not path.exists():
            tests = KERNEL_TESTS if interpreted else TESTS
            with _waiting(f"running the tests once to see which lines they run ({path.stem})"):
                outcome = run_tests(
                    Tree(self.folder).root, tests, seconds=7200, interpreted=interpreted, trace=True, stop=False
                )
            path.write_text(json.dumps(outcome.report))
        traced: dict[str, Any] = json.loads(path.read_text())
        return traced

    def results(self) -> dict[tuple[str, str, str, int], dict[str, Any]]:
        """Return the last result of each mutant."""
        lines = self.record.read_text().splitlines() if self.record.exists() else []
        return {_identity(found): found for found in map(json.loads, lines)}

    def add(self, mutant: Mutant, outcome: Outcome, tests: int) -> None:
        """Write a result down."""
        found = asdict(mutant) | {"status": outcome.status, "by": outcome.by, "tests": tests}
        with self.record.open("a") as file:
            file.write(json.dumps(found) + "\n")


def _identity(found: dict[str, Any]) -> tuple[str, str, str, int]:
    return found["module"], found["source"], found["operator"], found["occurrence"]


def _waiting(text: str) -> Progress:
    progress = Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), transient=True)
    progress.add_task(text, total=None)
    return progress


def modules() -> list[str]:
    """Return the files to spoil."""
    listed = ["git", "ls-files", "envs/*.py", "simulators/*.py"]
    return subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()


def sample(folder: Path, size: int, seed: int) -> tuple[dict[str, int], list[Mutant]]:
    """Return the places of each module of both packages and a sample of mutants, kept in the folder for next time."""
    path = folder / f"sample-{size}-{seed}.json"
    if path.exists():
        places, found = json.loads(path.read_text())
        mutants = [Mutant(**entry | {"lines": tuple(entry["lines"])}) for entry in found]
        if all(m.source == source_hash((ROOT / m.module).read_text()) for m in mutants):
            return places, mutants
    counting = track(modules(), "counting the places", transient=True)
    places = {name: mutants_of(ROOT, name, seed=seed, share=lambda _: 0)[0] for name in counting}
    rate = size / sum(map(math.sqrt, places.values()))
    drawing = track([name for name in places if places[name]], "drawing mutants", transient=True)
    drawn = [mutants_of(ROOT, n, seed=seed, share=lambda n: max(2, round(rate * math.sqrt(n))))[1] for n in drawing]
    mutants = _interleaved(drawn)
    path.write_text(json.dumps([places, [asdict(m) for m in mutants]]))
    return places, mutants


def _interleaved(drawn: list[list[Mutant]]) -> list[Mutant]:
    """Return all in an order of which every beginning holds the same share of each module."""
    placed = [((k + 0.5) / len(of_module), m) for of_module in drawn for k, m in enumerate(of_module)]
    return [mutant for _, mutant in sorted(placed, key=lambda entry: entry[0])]


def tests_of(mutant: Mutant, traced: dict[str, Any]) -> list[str]:
    """Return the tests that ran the statement, or if it runs on import those that ran any line of its file.

    Those of the test file of the same name come first, then the quick ones.
    """
    lines = traced["lines"].get(mutant.module, {})
    names = {name for k in range(mutant.lines[0], mutant.lines[1] + 1) for name in lines.get(str(k), ())}
    names = names or {name for ran in lines.values() for name in ran}
    own = f"/test_{Path(mutant.module).stem}.py::"
    return sorted(names & traced["tests"].keys(), key=lambda name: (own not in name, traced["tests"][name], name))


def within(tests: list[str], seconds: dict[str, float], budget: float) -> list[str]:
    """Return the first tests that together take no longer than the budget, one at least."""
    chosen, used = [], 0.0
    for name in tests:
        if not chosen or used + seconds[name] <= budget:
            chosen.append(name)
            used += seconds[name]
    return chosen


def try_mutant(mutant: Mutant, tree: Tree, traced: dict[str, Any], budget: float) -> tuple[Outcome, int]:
    """Run the tests of a mutant, the quick ones first; return the outcome and how many could have killed it."""
    every, seconds = tests_of(mutant, traced), traced["tests"]
    quick = within(every, seconds, QUICK_SECONDS)
    rest = within([t for t in every if t not in set(quick)], seconds, budget)
    code = mutant_source(tree.read(mutant.module), mutant.operator, mutant.occurrence)
    with tree.spoiled(mutant.module, code):
        for tests in (quick, rest):
            limit = 3 * sum(seconds[t] for t in tests)
            outcome = run_tests(tree.root, tests, seconds=limit, interpreted=is_interpreted(mutant))
            if outcome.status != "survived" or not rest:
                break
    return outcome, len(quick) + len(rest)


def run(campaign: Campaign, mutants: list[Mutant], *, budget: float, again: bool) -> None:
    """Try every mutant that has no result yet, or with `again` those that survived."""
    done = campaign.results()
    left = [
        m
        for m in mutants
        if (found := done.get(_identity(asdict(m)))) is None or (again and found["status"] in ("survived", "untested"))
    ]
    tree = Tree(campaign.folder)
    maps = {kind: campaign.traced(kind) for kind in {is_interpreted(m) for m in left}}
    for mutant in track(left, "trying mutants"):
        campaign.add(mutant, *try_mutant(mutant, tree, maps[is_interpreted(mutant)], budget))


def is_interpreted(mutant: Mutant) -> bool:
    """Tell whether the file is run without the compiler of the kernels."""
    return mutant.module.startswith(KERNELS) and mutant.module not in COMPILED_ONLY


def explanations() -> dict[str, str]:
    """Return why survivors that were looked at are harmless, by the key of the mutant."""
    entries = tomllib.loads(EXPLAINED.read_text())["mutant"] if EXPLAINED.exists() else []
    return {f"{e['module']}\n{e['line']}\n{becomes}": e["reason"] for e in entries for becomes in e["becomes"]}


def main() -> int:
    """Run the campaign and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=600, help="mutants in all of both packages")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--modules", nargs="*", default=[], help="only files whose path starts like this")
    parser.add_argument("--budget", type=float, default=15.0, help="seconds of tests beyond the quick ones")
    parser.add_argument("--only-table", action="store_true", help="print the figures so far")
    parser.add_argument("--again", action="store_true", help="try survivors again, with the tests as they are now")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "mutants")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    campaign = Campaign(options.folder.resolve())
    places, drawn = sample(campaign.folder, options.sample, options.seed)
    mutants = [m for m in drawn if not options.modules or m.module.startswith(tuple(options.modules))]
    if not options.only_table:
        run(campaign, mutants, budget=options.budget, again=options.again)
    results = campaign.results()
    tried = [results[identity] for m in mutants if (identity := _identity(asdict(m))) in results]
    text, unexplained = table(places, sorted(tried, key=lambda found: found["module"]), explanations())
    sys.stdout.write(text)
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
