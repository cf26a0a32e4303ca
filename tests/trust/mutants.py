"""Campaign: do the tests notice defects put into `simulators/` and `envs/`?

    python tests/trust/mutants.py --sample 600 --seed 7

draws mutants from every module, at least two, in proportion to the root of the number of places where it can go wrong:
in plain proportion, most would lie in the index arithmetic of the kernels. For each it runs the tests that ran the
changed line, the quick ones first, then the others up to a budget. A record in the folder is added to, so that a
campaign that was stopped goes on. Survivors named in `mutants_explained.toml` are told from new ones; if any is new,
the campaign ends with an error. Needs `pip install cosmic-ray coverage`.

Kernels run without their compiler first. Those that survive so, or cannot run so, are compiled with their defect, some
half a minute each. Differs from a run over all tests: a mutant may survive because the test that kills it is slow, or
lies in another folder; with `--again`, survivors without an explanation meet more tests if the limits are larger.
Without mitiq, `mitigation/` is left out.
"""

import argparse
import json
import math
import sys
import tomllib
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, track  # noqa: E402

from tests.trust.mutant_runs import Outcome, Session, Tree, run_tests  # noqa: E402
from tests.trust.mutant_session import spoiled_functions  # noqa: E402
from tests.trust.mutant_table import is_alive, key, table  # noqa: E402
from tests.trust.mutation import Mutant, mutants_of, source_hash  # noqa: E402

EXPLAINED = Path(__file__).with_name("mutants_explained.toml")
KERNELS = "simulators/kernels/"
COMPILER = KERNELS + "__init__.py"
MACHINE_CODE = {KERNELS + "lanes.py", KERNELS + "bits.py"}  # recipes for the compiler, which Python cannot run
MITIGATION = "simulators/mitigation/"
NOT_SLOW = ["-m", "not slow"]
TESTS = [*NOT_SLOW, "tests/simulators", "tests/envs"]
DENSITY_MATRICES = "tests/simulators/test_against_density_matrix.py"
PROPAGATION = "tests/simulators/test_pauli_propagation.py"
OPTIMIZERS = "tests/optimizers/test_compiled.py"
KERNEL_TESTS = [
    *NOT_SLOW,
    DENSITY_MATRICES,
    "tests/simulators/test_gradients.py",
    "tests/simulators/test_batched_gradients.py",
    "tests/simulators/test_pulled_back.py",
    "tests/simulators/test_pure_plans.py",
    PROPAGATION,
    "tests/simulators/measurement/test_normal_shots.py",
    OPTIMIZERS,
]
COMPILED_TESTS = [*KERNEL_TESTS, "tests/simulators/test_kernels.py", "tests/simulators/test_undoing.py"]
NEAREST = {"propagation/": PROPAGATION, "rotosolve.py": OPTIMIZERS, "": DENSITY_MATRICES}  # by parts of paths
NEAR_SECONDS, COMPILED_SECONDS = 60.0, 180.0  # for compiling kernels and one file of these tests, or all
OF_ALL_MODULES = ("/test_promises.py::", "/test_imports.py::test_importing")
LEAST_LIMIT = 10.0
OVERHEAD_SECONDS = 0.02  # of pytest for a test


@dataclass(frozen=True)
class Limits:
    """Processor seconds of tests for a mutant: those that come first, and those for who survives them."""

    quick: float
    budget: float


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

    def results(self) -> dict[str, dict[str, Any]]:
        """Return the last result of each mutant."""
        lines = self.record.read_text().splitlines() if self.record.exists() else []
        return {found["identity"]: found for found in map(json.loads, lines)}

    def add(self, mutant: Mutant, outcome: Outcome, *, compiled: bool) -> None:
        """Write a result down."""
        found = {"identity": _identity(mutant), "module": mutant.module, "operator": mutant.operator}
        found |= {"row": mutant.first, "line": mutant.line, "becomes": mutant.becomes}
        found |= {"status": outcome.status, "by": outcome.by, "seconds": outcome.seconds, "compiled": compiled}
        with self.record.open("a") as file:
            file.write(json.dumps(found) + "\n")


def _identity(mutant: Mutant) -> str:
    return source_hash(json.dumps(asdict(mutant)))


def _waiting(text: str) -> Progress:
    progress = Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), transient=True)
    progress.add_task(text, total=None)
    return progress


def modules() -> list[str]:
    """Return the files to spoil."""
    paths = [path for package in ("envs", "simulators") for path in sorted((ROOT / package).rglob("*.py"))]
    names = [path.relative_to(ROOT).as_posix() for path in paths]
    return [name for name in names if find_spec("mitiq") or not name.startswith(MITIGATION)]


def sample(folder: Path, size: int, seed: int) -> tuple[dict[str, int], list[Mutant]]:
    """Return the places of each module of both packages and a sample of mutants, kept in the folder for next time."""
    path = folder / f"sample-{size}-{seed}.json"
    if path.exists():
        places, found = json.loads(path.read_text())
        mutants = [Mutant(**{name: _as_tuple(value) for name, value in entry.items()}) for entry in found]
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


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _interleaved(drawn: list[list[Mutant]]) -> list[Mutant]:
    """Return all in an order of which every beginning holds the same share of each module."""
    placed = [((k + 0.5) / len(of_module), m) for of_module in drawn for k, m in enumerate(of_module)]
    return [mutant for _, mutant in sorted(placed, key=lambda entry: entry[0])]


def ran(mutant: Mutant, traced: dict[str, Any]) -> set[str]:
    """Return the tests that ran the statement; "" is among them if it ran while the file was loaded."""
    lines = traced["lines"].get(mutant.module, {})
    first, last = mutant.statement
    return {name for k in range(first, last + 1) for name in lines.get(str(k), ())}


def tests_of(mutant: Mutant, traced: dict[str, Any], *, on_loading: bool) -> list[str]:
    """Return the tests that ran the statement, or if it only runs on loading, those that ran any of the file.

    Those of the test file of the same name come first, then the quick ones; where code runs on loading, also the tests
    that look at all modules.
    """
    seconds = traced["tests"]
    names = ran(mutant, traced)
    first = (f"/test_{Path(mutant.module).stem}.py::",)
    if on_loading:
        first = (*first, *OF_ALL_MODULES)
        names = {name for some in traced["lines"].get(mutant.module, {}).values() for name in some} & seconds.keys()
        names = (names or set(seconds)) | {name for name in seconds if any(part in name for part in first)}
    return sorted(names & seconds.keys(), key=lambda name: (not any(p in name for p in first), seconds[name], name))


def within(tests: list[str], seconds: dict[str, float], budget: float) -> list[str]:
    """Return the first tests that together take no longer than the budget, one at least."""
    chosen, used = [], 0.0
    for name in tests:
        cost = seconds[name] + OVERHEAD_SECONDS
        if not chosen or used + cost <= budget:
            chosen.append(name)
            used += cost
    return chosen


def try_mutant(mutant: Mutant, tree: Tree, session: Session, traced: dict[str, Any], limits: Limits) -> Outcome:
    """Run the tests of a mutant; what runs on loading has everything loaded anew, and meets the quick tests only."""
    before = tree.read(mutant.module)
    code, seconds = mutant.put_into(before), traced["tests"]
    on_loading = spoiled_functions(before, code) is None
    every = tests_of(mutant, traced, on_loading=on_loading)
    quick = within(every, seconds, limits.quick)
    rest = within([t for t in every if t not in set(quick)], seconds, limits.budget)
    if not on_loading:
        for tests in filter(None, (quick, rest)):
            outcome = session.run(mutant.module, code, tests, seconds=LEAST_LIMIT + 3 * sum(seconds[t] for t in tests))
            if outcome.status not in ("survived", "stuck"):
                return outcome
        if not quick:
            return Outcome("untested", "", 0.0, {})
        if outcome.status == "survived" and "" not in ran(mutant, traced):
            return outcome
    limit = 3 * sum(seconds[t] for t in quick)
    with tree.spoiled(mutant.module, code):
        return run_tests(tree.root, quick, seconds=limit, interpreted=is_interpreted(mutant))


def run(campaign: Campaign, mutants: list[Mutant], limits: Limits, *, again: bool) -> None:
    """Try every mutant that has no result yet, and with `again` those that survived without an explanation."""
    tree = Tree(campaign.folder)
    done = campaign.results()
    new = [m for m in mutants if _identity(m) not in done and m.module not in MACHINE_CODE]
    old = [(m, done[_identity(m)]) for m in mutants if again and _identity(m) in done]
    known = explanations()
    left = [*new, *(m for m, result in old if is_alive(result["status"]) and key(result) not in known)]
    for interpreted in (False, True):
        chosen = [m for m in left if is_interpreted(m) == interpreted]
        if not chosen:
            continue
        traced = campaign.traced(interpreted)
        with _waiting("loading the tests"):
            session = Session(tree, KERNEL_TESTS if interpreted else TESTS, interpreted=interpreted)
        for mutant in track(chosen, "trying mutants"):
            campaign.add(mutant, try_mutant(mutant, tree, session, traced, limits), compiled=not interpreted)
        session.close()
    done = campaign.results()
    not_compiled = {"status": "untested", "compiled": False}
    found = [(m, done.get(_identity(m), not_compiled)) for m in mutants if m.module.startswith(KERNELS)]
    alive = [m for m, result in found if is_alive(result["status"]) and not result["compiled"]]
    for mutant in track(alive, "compiling kernels with defects"):
        with tree.spoiled(mutant.module, mutant.put_into(tree.read(mutant.module))):
            campaign.add(mutant, _run_compiled(mutant, tree), compiled=True)


def _run_compiled(mutant: Mutant, tree: Tree) -> Outcome:
    """Run the tests that are nearest to a kernel, and if it survives them, all others of kernels."""
    near = next(test for part, test in NEAREST.items() if part in mutant.module)
    outcome = run_tests(tree.root, [*NOT_SLOW, near], seconds=NEAR_SECONDS)
    if not is_alive(outcome.status):
        return outcome
    return run_tests(tree.root, [test for test in COMPILED_TESTS if test != near], seconds=COMPILED_SECONDS)


def is_interpreted(mutant: Mutant) -> bool:
    """Tell whether the file is run without the compiler of the kernels."""
    return mutant.module.startswith(KERNELS) and mutant.module != COMPILER


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
    parser.add_argument("--quick", type=float, default=1.0, help="seconds of tests that come first")
    parser.add_argument("--budget", type=float, default=15.0, help="seconds of tests beyond the quick ones")
    parser.add_argument("--only-table", action="store_true", help="print the figures so far")
    parser.add_argument("--again", action="store_true", help="try survivors without an explanation again")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "mutants")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    campaign = Campaign(options.folder.resolve())
    places, drawn = sample(campaign.folder, options.sample, options.seed)
    mutants = [m for m in drawn if not options.modules or m.module.startswith(tuple(options.modules))]
    if not options.only_table:
        run(campaign, mutants, Limits(options.quick, options.budget), again=options.again)
    results = campaign.results()
    tried = [results[identity] for m in mutants if (identity := _identity(m)) in results]
    text, unexplained = table(places, sorted(tried, key=lambda found: found["module"]), explanations())
    sys.stdout.write(text)
    for explained in explanations():
        module, line, _ = explained.split("\n")
        if line not in map(str.strip, (ROOT / module).read_text().splitlines()):
            sys.stdout.write(f"no longer there, to be taken out of {EXPLAINED.name}: {module}: {line}\n")
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
