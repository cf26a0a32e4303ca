"""Memory is asked for before it is taken: what there is counts in full, and what a request takes roughly."""

import subprocess
import sys
import tracemalloc
from pathlib import Path

import pytest

from qvar.simulators import Circuit, Observable, StatevectorSimulator, memory
from qvar.simulators.errors import QvarError
from qvar.simulators.measurement.plan import MeasurementPlan

ROOT = Path(__file__).parents[2]


def test_what_fits_is_granted_and_small_requests_do_not_ask(monkeypatch):
    def asked():
        raise AssertionError

    monkeypatch.setattr(memory, "available_bytes", asked)
    memory.check_memory(2**25, "a small thing")
    monkeypatch.setattr(memory, "available_bytes", lambda: 2**30)
    memory.check_memory(2**30, "a thing that fits")
    assert memory.most_at_once(2**28) == 4
    assert memory.most_at_once(2**31) == 1


def test_a_limit_of_the_process_counts_as_memory_that_there_is_not():
    text = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (2**31, 2**31))\n"
        "from qvar.simulators.memory import available_bytes; print(available_bytes())"
    )
    line = [sys.executable, "-c", text]
    done = subprocess.run(line, capture_output=True, text=True, check=True, cwd=ROOT)
    assert 0 < int(done.stdout) < 2**31


def test_the_limit_of_a_control_group_counts_with_what_its_files_can_give_back(monkeypatch, tmp_path):
    for name, limit, used in (("user/job", "max", 700), ("user", "1000", 900), ("", "5000", 600)):
        folder = tmp_path / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "memory.max").write_text(limit)
        (folder / "memory.current").write_text(str(used))
    (tmp_path / "user" / "memory.stat").write_text("anon 5\ninactive_file 50\n")
    entries = tmp_path / "cgroup"
    entries.write_text("0::/user/job\n")
    places = {"/sys/fs/cgroup": tmp_path, "/proc/self/cgroup": entries}
    monkeypatch.setattr(memory, "Path", lambda text: places.get(text) or Path(text))
    assert list(memory._of_control_groups()) == [1000 - 900 + 50, 5000 - 600]


def flips(n_qubits, n_terms):
    """Return an observable whose terms flip different sets of qubits."""
    labels = [format(k, f"0{n_qubits}b").replace("0", "Z").replace("1", "X") for k in range(n_terms)]
    return Observable.from_terms(dict.fromkeys(labels, 1.0))


REQUESTS = {
    "tables of one term": lambda: StatevectorSimulator().objective(Circuit(17), flips(17, 1)),
    "tables of a complex term": lambda: StatevectorSimulator().objective(
        Circuit(17), Observable.from_terms({"Y" * 17: 1.0})
    ),
    "tables of many terms": lambda: StatevectorSimulator().objective(Circuit(13), flips(13, 32)),
    "values of outcomes": lambda: MeasurementPlan.of(flips(14, 1)),
    "values of outcomes of many groups": lambda: MeasurementPlan.of(flips(13, 32)),
}


@pytest.mark.parametrize("request_", REQUESTS.values(), ids=REQUESTS)
def test_a_request_is_refused_with_half_of_the_memory_that_it_takes_and_granted_with_twice_as_much(
    monkeypatch, request_
):
    request_()  # compiles kernels
    tracemalloc.start()
    try:
        request_()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    monkeypatch.setattr(memory, "_WORTH_ASKING", 1)
    monkeypatch.setattr(memory, "available_bytes", lambda: peak // 2)
    with pytest.raises(QvarError, match="would take"):
        request_()
    monkeypatch.setattr(memory, "available_bytes", lambda: 2 * peak)
    request_()
