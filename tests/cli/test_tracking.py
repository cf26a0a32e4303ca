"""--log, qvar log and qvar dashboard, as on the command line."""

import json
import signal
import subprocess
import sys
import urllib.request
from importlib.util import find_spec

import pytest

SEARCH = ("search", "h2-2", "--algorithm", "random", "--episodes", 3, "--max-gates", 3, "--out", "run", "--quiet")


@pytest.mark.skipif(find_spec("tensorboard") is None, reason="tensorboard is not installed")
def test_a_search_logs_and_a_record_is_logged_afterwards(qvar, own_folder):
    assert qvar(*SEARCH, "--log", "tensorboard").code == 0
    assert len(list((own_folder / "run" / "tensorboard").iterdir())) == 1
    outcome = qvar("log", "run", "--to", "tensorboard", "--json")
    assert json.loads(outcome.out) == {"to": ["tensorboard"], "runs": [{"run": "run", "records": 3}]}
    outcome = qvar("log", "run", "--to", "tensorboard")
    assert "3 records of 1 run given to tensorboard" in outcome.out


@pytest.mark.skipif(find_spec("tensorboard") is None, reason="tensorboard is not installed")
def test_every_run_of_a_sweep_logs(qvar, own_folder):
    sweep = ("sweep", "h2-2", "--algorithm", "random", "--seeds", "0-1", "--episodes", 3, "--max-gates", 3, "--jobs", 1)
    assert qvar(*sweep, "--out", "sweep", "--quiet", "--log", "tensorboard").code == 0
    assert len(list((own_folder / "sweep").glob("*/seed*/tensorboard/*"))) == 2


def test_wrong_names_end_before_anything_is_written(qvar, own_folder):
    outcome = qvar(*SEARCH, "--log", "tensorbord")
    assert outcome.code == 2
    assert "metrics go to any of" in outcome.err
    assert not (own_folder / "run").exists()
    assert qvar("log", "nowhere", "--to", "tensorboard").code == 2
    assert qvar("dashboard", "nowhere").code == 2


@pytest.mark.skipif(find_spec("dash") is None, reason="the dashboard extra is not installed")
def test_a_dashboard_tells_its_address_and_ends_with_ctrl_c(own_folder):
    (own_folder / "runs").mkdir()
    command = [sys.executable, "-m", "qvar", "dashboard", str(own_folder / "runs"), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        told = json.loads(process.stdout.readline())
        with urllib.request.urlopen(told["url"], timeout=20) as page:
            assert page.status == 200
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=20)
    assert (process.returncode, out, errors) == (0, "", "")
