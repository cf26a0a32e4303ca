"""Do the declared versions work: the lowest of every dependency, and every Python version?

Run: python tests/trust/dependencies.py lowest [--extras ibm test] [--take torch==2.13.0] [--tests tests/envs]
     python tests/trust/dependencies.py versions [--pythons python3.12 python3.13] [--every 12]
     python tests/trust/dependencies.py lock

`lowest` resolves the requirements of all extras to the lowest versions that go together, checks that these are exactly
the declared ones, and runs the quick tests with them in a virtual environment. Old libraries warn of each other's age,
so deprecation warnings are no errors there, and the tests of mutants are left out. `--take` takes other versions than
the lowest of what is large to fetch.
`versions` runs the quick tests with the versions of `constraints.txt` under each interpreter. `lock` writes
`constraints.txt`: the newest versions that go together, for all interpreters and systems, with PyTorch as it stands
there. Versions are found by uv, and installed by pip with its own settings.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
CONSTRAINTS = ROOT / "constraints.txt"
PYTHONS = ("python3.11", "python3.12", "python3.13")
OLD_AGE = (
    *("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning", "ignore::FutureWarning"),
    "ignore:Trying to add QuantumRegister:UserWarning",  # Qiskit, of its own calls
)
OWN_PYTEST = "tests/trust/test_mutants.py"  # runs a pytest of its own, in which these warnings are errors
HEAD = """# The versions that the tests run with: `pip install -c constraints.txt ...`. pyproject.toml declares more.
# Made by `python tests/trust/dependencies.py lock`.
"""


def declared(extras: Sequence[str]) -> dict[str, Version]:
    """Return the lowest declared version of every package that the core or one of the extras needs."""
    project = _project()
    optional = project["optional-dependencies"]
    asked = [*project["dependencies"], *(text for extra in extras for text in optional[extra])]
    requirements = [Requirement(text) for text in asked]
    return {canonicalize_name(one.name): _lowest(one) for one in requirements if one.name != project["name"]}


def _lowest(requirement: Requirement) -> Version:
    (bound,) = [part.version for part in requirement.specifier if part.operator == ">="]
    return Version(bound)


def declared_extras() -> list[str]:
    """Return the extras that the project declares."""
    return list(_project()["optional-dependencies"])


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project


def resolve(extras: Sequence[str], options: Sequence[str], taken: Sequence[str] = ()) -> dict[str, Version]:
    """Return the version that uv chooses for every package, transitive ones included."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "taken.txt"
        file.write_text("\n".join(taken), encoding="utf-8")
        text = _compile(extras, [*options, "--constraints", str(file)])
    pairs = re.findall(r"^([\w.-]+)==([\w.+!-]+)", text, flags=re.MULTILINE)
    return {name: Version(version) for name, version in pairs}


def _compile(extras: Sequence[str], options: Sequence[str]) -> str:
    command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-header", "--no-annotate", *options]
    command += [word for extra in extras for word in ("--extra", extra)] + ["pyproject.toml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    return done.stdout


def install_lowest(extras: Sequence[str], taken: Sequence[str], python: str, folder: Path) -> Path:
    """Check that the lowest declared versions are true, install those of some extras, and return the interpreter."""
    options = ["--resolution", "lowest-direct", "--python-version", version_of(python)]
    every = declared_extras()
    check_exact(declared(every), resolve(every, options))
    versions = resolve(extras, options, taken)
    pins = folder / "lowest.txt"
    pins.write_text("".join(f"{name}=={version}\n" for name, version in versions.items()), encoding="utf-8")
    return install(python, folder / "lowest", pins, extras)


def check_exact(bounds: dict[str, Version], found: dict[str, Version]) -> None:
    """Exit if a declared lower bound cannot be had together with all others."""
    moved = [f"{name}>={bound}: {found[name]}" for name, bound in bounds.items() if found[name] != bound]
    if moved:
        sys.exit("these lower bounds are not true; the lowest versions that go together are:\n" + "\n".join(moved))


def version_of(python: str) -> str:
    """Return the version of an interpreter, such as "3.12"."""
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.run([python, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def is_there(python: str) -> bool:
    """Tell whether an interpreter can be called; a name on the path may be a stand-in that knows of none."""
    return (
        shutil.which(python) is not None and subprocess.run([python, "--version"], capture_output=True).returncode == 0
    )


def install(python: str, folder: Path, constraints: Path, extras: Sequence[str]) -> Path:
    """Make a virtual environment with the project and extras, and return its interpreter."""
    subprocess.run([python, "-m", "venv", folder], check=True)
    program = folder / "bin" / "python"
    what = f"{ROOT}[{','.join(extras)}]"
    subprocess.run([program, "-m", "pip", "install", "--quiet", "-c", constraints, "-e", what], check=True)
    return program


def run_tests(program: Path, arguments: Sequence[str], title: str) -> tuple[str, bool]:
    """Run the quick tests; return a row, how many passed, were skipped and failed, and whether all is well."""
    command = [program, "-m", "pytest", "-p", "no:cacheprovider", "-q", "-m", "not slow", *arguments]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    begun = time.monotonic()
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        last = _shown(process.stdout)
    counts = {kind: int(count) for count, kind in re.findall(r"(\d+) (passed|skipped|failed|error)", last)}
    numbers = " | ".join(str(counts.get(kind, 0)) for kind in ("passed", "skipped", "failed"))
    return f"| {title} | {numbers} | {(time.monotonic() - begun) / 60:.0f} min |", process.returncode == 0


def _shown(lines: Iterator[str]) -> str:
    """Print lines as they come and return the last."""
    line = ""
    for line in lines:
        sys.stdout.write(line)
        sys.stdout.flush()
    return line


def lock() -> None:
    """Write `constraints.txt` anew."""
    kept = [line for line in CONSTRAINTS.read_text(encoding="utf-8").splitlines() if line.startswith("torch==")]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "kept.txt"
        file.write_text("\n".join(kept), encoding="utf-8")
        text = _compile(declared_extras(), ["--universal", "--python-version", "3.11", "--constraints", str(file)])
    CONSTRAINTS.write_text(HEAD + text, encoding="utf-8")


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["lowest", "versions", "lock"])
    parser.add_argument("--extras", nargs="*", default=["dev"], help="extras to install")
    parser.add_argument("--take", nargs="*", default=[], help="versions to take instead of the lowest")
    parser.add_argument("--pythons", nargs="*", help="interpreters; python3.11 to python3.13, those found, without it")
    parser.add_argument("--tests", nargs="*", default=[], help="what to run; all quick tests without it")
    parser.add_argument("--every", type=int, default=1, help="run every n-th of them only")
    arguments = parser.parse_args()
    if arguments.what == "lock":
        return lock()
    with tempfile.TemporaryDirectory() as folder:
        results = list(_results(arguments, Path(folder)))
    rows = ["| | passed | skipped | failed | time |", "|---|---|---|---|---|", *(row for row, _ in results)]
    sys.stdout.write("\n" + "\n".join(rows) + "\n")
    return sys.exit(not all(well for _, well in results))


def _results(arguments: argparse.Namespace, folder: Path) -> Iterator[tuple[str, bool]]:
    tests = ["-p", "tests.trust.sampling", "--every", str(arguments.every), *arguments.tests]
    if arguments.what == "lowest":
        python = (arguments.pythons or [sys.executable])[0]
        program = install_lowest(arguments.extras, arguments.take, python, folder)
        spared = [*(word for warning in OLD_AGE for word in ("-W", warning)), f"--ignore={OWN_PYTEST}"]
        yield run_tests(program, [*spared, *tests], f"Python {version_of(python)}, lowest versions")
        return
    for python in arguments.pythons or filter(is_there, PYTHONS):
        program = install(python, folder / version_of(python), CONSTRAINTS, arguments.extras)
        yield run_tests(program, tests, f"Python {version_of(python)}")


if __name__ == "__main__":
    main()
