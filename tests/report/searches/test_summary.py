"""The summary of a sweep is in its folder, and says the same in every format."""

import csv
import json

from qvar.report import write_summary
from qvar.runs import RunFolder
from tests.report.conftest import RESULT, record


def test_a_summary_is_a_table_in_three_formats_and_the_plots(make_sweep, make_config):
    experiments = [
        (("h2-2", "none", "qvar", name), make_config(max_gates=gates)) for name, gates in (("a", 3), ("b", 4))
    ]
    sweep = make_sweep("sweep", experiments, seeds=(0, 1))
    for run in sweep.runs()[:3]:
        folder = RunFolder.create(run.path, run.config)
        folder.append_metrics(record(1, 30, 1e-2))
        folder.write_result(RESULT | {"error": 1e-3 * (1 + run.seed)})
    write_summary(sweep.path)
    assert sorted(p.name for p in (sweep.path / "plots").iterdir()) == [
        "h2-2-none-error.png",
        "h2-2-none-pareto.png",
        "h2-2-none-success.png",
    ]
    text = (sweep.path / "summary.md").read_text()
    assert text.startswith("4 runs: 3 finished, 1 not started.")
    assert "| h2-2 | none | qvar | a | 2 | 1 of 2 | 1.50e-03 ± 7.07e-04 |" in text
    assert "| h2-2 | none | qvar | b | 1, 1 unfinished | 1 of 1 | 1.00e-03 |" in text
    with (sweep.path / "summary.csv").open() as file:
        first, second = csv.DictReader(file)
    data = json.loads((sweep.path / "summary.json").read_text())["settings"][0]["experiments"]
    assert float(first["error_mean"]) == data[0]["error"]["mean"] == 1.5e-3
    assert (second["error_sd"], data[1]["error"]["sd"]) == ("", None)
