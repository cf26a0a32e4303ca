"""Say which extra brings the package of a sink."""

from importlib.util import find_spec

from qvar.simulators.errors import RunError
from qvar.simulators.extras import how_to_install

__all__ = ["check_package"]


def check_package(package: str, *, extra: str) -> None:
    """Raise RunError, naming the extra, if a package is not installed."""
    if find_spec(package) is None:
        raise RunError(f"{package} is not installed; {how_to_install(extra)}")
