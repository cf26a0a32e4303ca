"""The command `qvar`; every command loads what it needs when it runs, so that `qvar --help` is immediate."""

import os
import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; wrong input ends with one message on standard error and exit code 2.

    Args:
        arguments: what follows the program's name, None for `sys.argv`.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # waiting threads must not keep the cores from working ones
    from qvar.cli.app import app
    from qvar.simulators.errors import QvarError

    try:
        app(args=None if arguments is None else list(arguments), prog_name="qvar")
    except QvarError as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(2) from None
    except OSError as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(2) from None
