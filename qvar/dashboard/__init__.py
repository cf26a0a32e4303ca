"""A page of this machine that follows running searches, read from their folders, which stay as they are.

Reading is apart from showing: `Watcher` needs no browser, and `serve` needs the `dashboard` extra.
"""

from typing import TYPE_CHECKING

from qvar.simulators.lazy import lazy_names

if TYPE_CHECKING:
    from qvar.dashboard.run import LiveRun, RunRow
    from qvar.dashboard.server import Server, serve
    from qvar.dashboard.watcher import Snapshot, Watcher

_HOME = {
    "LiveRun": "run",
    "RunRow": "run",
    "Server": "server",
    "Snapshot": "watcher",
    "Watcher": "watcher",
    "serve": "server",
}

__all__ = ["LiveRun", "RunRow", "Server", "Snapshot", "Watcher", "serve"]

__getattr__, _ = lazy_names(__name__, _HOME, __all__)
