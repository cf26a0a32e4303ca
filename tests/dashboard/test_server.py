"""The server: this machine only, this page only, nothing changed on the disk."""

import builtins
import json
import re
import socket
from http.client import HTTPConnection

import pytest

from qvar.dashboard import serve
from qvar.runs import config_hash
from qvar.simulators.errors import RunError

from .conftest import RESULT, record

pytest.importorskip("dash", reason="the dashboard extra is not installed")


def ask(server, path="/", *, method="GET", body=None, **headers):
    connection = HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body=body, headers=names)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode()
    finally:
        connection.close()


@pytest.fixture
def server(make_run, tmp_path):
    make_run("a", records=[record(1), record(2)], result=RESULT)
    with serve([tmp_path / "runs"]) as started:
        yield started


def update(server, fragment="", **headers):
    """Ask for the content of the page as the page does."""
    outputs = ["overview.children", "runs.children", "curves-title.children", "curves.figure"]
    outputs += ["detail.children", "work.children"]
    split = [output.split(".") for output in outputs]
    body = {
        "output": f"..{'...'.join(outputs)}..",
        "outputs": [{"id": i, "property": p} for i, p in split],
        "inputs": [
            {"id": "clock", "property": "n_intervals", "value": 1},
            {"id": "chosen", "property": "hash", "value": fragment},
        ],
        "changedPropIds": ["clock.n_intervals"],
    }
    headers = {"Content_Type": "application/json", **headers}
    status, got, text = ask(server, "/_dash-update-component", method="POST", body=json.dumps(body), **headers)
    return status, got, json.dumps(json.loads(text)) if status == 200 else text


def test_the_page_and_its_news_are_served(server):
    status, headers, text = ask(server)
    assert status == 200
    assert "http://" not in text
    assert "https://" not in text  # no content from elsewhere
    assert headers["X-Frame-Options"] == "DENY"
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    status, _, text = update(server)
    assert status == 200
    assert "1 run: 1 finished" in text
    assert "runs/a" in text
    assert "data:image/svg+xml" in text


def test_only_this_machine_can_connect(server):
    with socket.socket() as other:
        other.settimeout(5)
        with pytest.raises(OSError, match=r"refused|timed out|unreachable"):
            other.connect(("127.0.0.2", server.port))


def test_other_hosts_and_sites_are_refused(server):
    for headers in (
        {"Host": f"evil.example:{server.port}"},
        {"Host": "127.0.0.1:1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
    ):
        assert ask(server, **headers)[0] == 403
        assert update(server, **headers)[0] == 403
    assert ask(server, Host=f"localhost:{server.port}")[0] == 200
    assert update(server, Origin=f"http://127.0.0.1:{server.port}")[0] == 200


def test_unknown_and_hostile_addresses_show_the_first_run(server):
    for fragment in ("#nothing", "#../../etc/passwd", "#<script>", ""):
        status, _, text = update(server, fragment)
        assert status == 200
        assert "passwd" not in text
    assert ask(server, "/assets/../../server.py")[0] in (403, 404)
    assert ask(server, "/assets/%2e%2e/server.py")[0] in (403, 404)


def test_serving_changes_nothing_on_the_disk(server, tmp_path):
    def files():
        return {path: path.stat().st_mtime_ns for path in (tmp_path / "runs").rglob("*")}

    before = files()
    update(server)
    assert files() == before


def test_a_port_in_use_is_named(server, tmp_path):
    with pytest.raises(RunError, match=f"cannot listen on port {server.port}"):
        serve([tmp_path / "runs"], port=server.port)


@pytest.mark.parametrize("wrong", [{"port": 0}, {"port": 70_000}, {"refresh_seconds": 0.0}])
def test_impossible_settings_are_refused(tmp_path, wrong):
    with pytest.raises(RunError, match="got"):
        serve([tmp_path], **wrong)


def test_without_dash_the_extra_is_named(tmp_path, monkeypatch):
    found = builtins.__import__

    def without_dash(name, *rest, **more):
        if name == "dash":
            raise ImportError(name)
        return found(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without_dash)
    with pytest.raises(RunError, match=r"install what the extra dashboard brings: pip install"):
        serve([tmp_path])


@pytest.mark.parametrize(
    "problem", [None, 3, {}, {"unit": "Ha"}, {"unit": 3, "exact_energy": 0.0}, {"unit": "Ha", "exact_energy": 10**400}]
)
def test_no_configuration_brings_the_page_down_even_if_it_is_chosen(make_run, make_config, tmp_path, problem):
    config = {**make_config(), "problem": problem}
    path = make_run("odd", records=[record(1)], result=RESULT)
    content = {"format": "qvar-run", "version": 1, "id": config_hash(config), "config": config}
    (path / "config.json").write_text(json.dumps(content))
    make_run("well", records=[record(1)])
    with serve([tmp_path / "runs"]) as server:
        status, _, text = update(server)
        assert status == 200
        key = re.search(r'#([0-9a-f]{12})[^}]*"children": "runs/odd"|"runs/odd"[^}]*#([0-9a-f]{12})', text)
        assert key, text
        status, _, text = update(server, "#" + (key[1] or key[2]))
        assert status == 200
        assert "runs/well" in text
        assert "cannot be read as one of a search" in text
