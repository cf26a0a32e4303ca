"""The command `qvar`; every command loads what it needs when it runs, so that `qvar --help` is immediate."""

import json
import os
import sys
from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; wrong input ends with one message on standard error and exit code 2.

    With --json, standard output holds one JSON document in any case: the result, or
    `{"error": {"kind": ..., "message": ...}}` if there is none.

    Args:
        arguments: what follows the program's name, None for `sys.argv`.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # waiting threads must not keep the cores from working ones
    from qvar.cli.app import app
    from qvar.simulators.errors import QvarError

    words = sys.argv[1:] if arguments is None else list(arguments)
    as_json = "--json" in words
    try:
        if not as_json:
            app(args=words, prog_name="qvar")
        else:
            _run_for_machines(words)
    except (QvarError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        _fail(2, type(error).__name__, str(error), as_json=as_json)
    except SystemExit as left:
        if left.code != 130:
            raise
        _fail(130, "Interrupted", "interrupted; what to do is on standard error", as_json=as_json)


def _run_for_machines(words: Sequence[str]) -> None:
    """Run a command whose options may be wrong, which would otherwise be told on standard error alone."""
    import typer

    from qvar.cli.app import app

    usage_error: type[Exception] = typer.BadParameter.__mro__[1]  # click's, wherever typer keeps it
    try:
        code = app(args=list(words), prog_name="qvar", standalone_mode=False)
    except usage_error as error:
        error.show()  # type: ignore[attr-defined]
        _fail(2, "UsageError", error.format_message(), as_json=True)  # type: ignore[attr-defined]
    raise SystemExit(code if isinstance(code, int) else 0)


def _fail(code: int, kind: str, message: str, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps({"error": {"kind": kind, "message": message}}, indent=1) + "\n")
    raise SystemExit(code) from None
