"""How long searches will take, from trials of their beginning."""

from types import SimpleNamespace

import pytest

from qvar.problems import molecule
from qvar.search import Evolution, Labels, SearchConfiguration
from qvar.search import forecast as forecasting
from qvar.search.forecast import Forecast, forecast_runs, forecast_search
from qvar.search.sweep import Combination
from qvar.simulators import PauliTransferSimulator
from qvar.simulators.errors import RunError

SEARCH = SearchConfiguration(
    molecule("h2-2"), PauliTransferSimulator(), algorithm=Evolution(), max_gates=5, episodes=None, max_energies=40_000
)


def search_of_a_millisecond_an_energy(configuration, out=None):
    energies = configuration.max_energies
    return SimpleNamespace(seconds=1e-3 * energies, cost=SimpleNamespace(energies=energies, steps=energies // 10))


def test_the_pace_of_the_longest_trial_gives_the_time_of_the_whole_budget(monkeypatch):
    monkeypatch.setattr(forecasting, "run_search", search_of_a_millisecond_an_energy)
    assert forecast_search(SEARCH).searching == pytest.approx(40.0)


def test_a_search_is_really_tried_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = forecast_search(SEARCH)
    assert min(found.loading, found.searching, found.recording) > 0
    assert list(tmp_path.iterdir()) == []


def test_a_search_that_cannot_be_tried_alone_has_no_forecast(monkeypatch):
    def refuse(*_, **__):
        raise RunError("experience of another run")

    monkeypatch.setattr(forecasting, "run_search", refuse)
    assert forecast_search(SEARCH) is None


def test_runs_share_the_cores_and_each_process_loads_once(monkeypatch):
    monkeypatch.setattr(forecasting, "forecast_search", lambda _: Forecast(5.0, 10.0, 2.0))
    monkeypatch.setattr(forecasting, "usable_cores", lambda: 2)
    runs = [Combination(Labels("h2-2", "none", "qvar", "evolution"), SEARCH)] * 4
    assert forecast_runs(runs, jobs=1) == pytest.approx(48.0)
    assert forecast_runs(runs, jobs=2) == pytest.approx(29.0)
    assert forecast_runs(runs, jobs=9) == pytest.approx(29.0)
