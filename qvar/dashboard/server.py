"""Serve the page to this machine only, and only to pages of its own."""

import logging
import socket
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from qvar.dashboard.watcher import Watcher
from qvar.simulators.errors import RunError
from qvar.simulators.extras import how_to_install

__all__ = ["REFRESH_SECONDS", "Server", "serve"]

_HOST = "127.0.0.1"

REFRESH_SECONDS = 2.0
"""How often the page asks for news."""

_HEADERS = {
    # Plotly's bundle makes style elements and blobs; Dash puts its configuration into the page itself
    "Content-Security-Policy": "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; frame-ancestors 'none'; form-action 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Server:
    """A dashboard that listens (mutable). Make it with `serve`; use it as a context, or close it.

    Attributes:
        port: where it listens, on 127.0.0.1.
    """

    def __init__(self, listening: Any) -> None:
        self._listening = listening
        self.port = int(listening.server_port)
        self._thread = threading.Thread(target=listening.serve_forever, daemon=True, name="qvar-dashboard")
        self._thread.start()

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://{_HOST}:{self.port}/"

    def wait(self) -> None:
        """Wait until the server stops, or Ctrl-C comes."""
        while self._thread.is_alive():
            self._thread.join(0.5)

    def close(self) -> None:
        """Stop listening."""
        self._listening.shutdown()
        self._thread.join()
        self._listening.server_close()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def serve(runs: Sequence[str | Path], *, port: int | None = None, refresh_seconds: float = REFRESH_SECONDS) -> Server:
    """Serve a page that follows runs, on 127.0.0.1, and return at once.

    Nothing on the disk is changed, and nothing that a run folder holds is executed or unpickled. Requests that name
    another host, as those of a hostile site by DNS rebinding do, or come from another site, are refused.

    Args:
        runs: run folders, sweep folders, or folders that hold such; new ones are found.
        port: where to listen, None for any free port.
        refresh_seconds: how often the page asks for news, at least 0.2.

    Raises:
        RunError: if a path is no folder, the port is taken, or the `dashboard` extra is not installed.
    """
    if not runs:
        raise RunError("a dashboard needs at least one folder of runs")
    if not refresh_seconds >= 0.2:
        raise RunError(f"a page is refreshed every 0.2 seconds at most, got {refresh_seconds}")
    if port is not None and not 0 < port < 65536:
        raise RunError(f"a port is a number from 1 to 65535, got {port}")
    watcher = Watcher([Path(run) for run in runs])
    flask = _make_flask(watcher, refresh_seconds)
    return Server(_listen(flask, port))


def _make_flask(watcher: Watcher, refresh_seconds: float) -> Any:
    try:
        import dash  # noqa: F401
    except ImportError:
        raise RunError(f"the dashboard needs Dash, which is not installed; {how_to_install('dashboard')}") from None
    from qvar.dashboard.page import make_app

    flask = make_app(watcher, refresh_seconds=refresh_seconds).server
    flask.before_request(_refuse_strangers)
    flask.after_request(_add_headers)
    return flask


def _listen(flask: Any, port: int | None) -> Any:
    from werkzeug.serving import make_server

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # else a line on the terminal for every request
    _check_free(port)
    return make_server(_HOST, port or 0, flask, threaded=True)


def _check_free(port: int | None) -> None:
    """Raise RunError if the port is taken; werkzeug would end the program."""
    if port is None:
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            raise RunError(
                f"cannot listen on port {port} of {_HOST}: {error.strerror}; choose another --port, or leave it out"
            ) from None


def _refuse_strangers() -> Any:
    """Refuse requests that are not for this page by its own address, or come from another site."""
    from flask import Response, request

    port = request.environ["SERVER_PORT"]
    own = {f"{_HOST}:{port}", f"localhost:{port}"}
    origin = request.headers.get("Origin")
    if request.host not in own or (origin is not None and origin.removeprefix("http://") not in own):
        return Response("this page is for this machine only", status=403, mimetype="text/plain")
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        return Response("this page takes no requests of other sites", status=403, mimetype="text/plain")
    return None


def _add_headers(response: Any) -> Any:
    response.headers.update(_HEADERS)
    return response
