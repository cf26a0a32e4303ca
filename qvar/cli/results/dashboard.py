"""The command `qvar dashboard`: a page of this machine that follows running searches."""

import json
import sys
import webbrowser
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from rich.console import Console

from qvar.cli.printing import print_line
from qvar.dashboard import serve

__all__ = ["dashboard_command"]


def dashboard_command(
    runs: Sequence[Path], *, port: int | None, refresh_seconds: float, open_browser: bool, as_json: bool, quiet: bool
) -> None:
    """Serve the page until Ctrl-C, which is how a dashboard ends: with exit code 0."""
    errors = Console(stderr=True)
    with serve(runs, port=port, refresh_seconds=refresh_seconds) as server:
        if as_json:
            sys.stdout.write(json.dumps({"url": server.url, "port": server.port}) + "\n")
            sys.stdout.flush()
        elif not quiet:
            print_line(f"dashboard of {', '.join(map(str, runs))} at {server.url}; Ctrl-C ends it", errors)
        if open_browser:
            webbrowser.open(server.url)
        with suppress(KeyboardInterrupt):
            server.wait()
