"""The command `qvar`; every command loads what it needs when it runs, so that `qvar --help` is immediate."""

import json
import os
import sys
import traceback
import warnings
from collections import namedtuple
from collections.abc import Sequence
from typing import Any, NoReturn

from qvar.simulators.errors import QvarError
from qvar.simulators.interruption import exit_code, signals_caught, was_interrupted

__all__ = ["main"]

_INTERRUPTED = 130
_SIGNALLED = 128
"""Exit codes above this are those of signals."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; wrong input ends with one message on standard error and exit code 2.

    Ctrl-C ends with exit code 130, SIGTERM with 143, wherever they come. With --json, standard output holds one JSON
    document in any case: the result, or `{"error": {"kind": ..., "message": ...}}` if there is none.

    Args:
        arguments: what follows the program's name, None for `sys.argv`.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    as_json = "--json" in words
    try:
        with signals_caught():
            code = _run(words, as_json=as_json)
    except KeyboardInterrupt:
        code = exit_code()
    if code > _SIGNALLED:
        namedtuple("_", ())  # `python -m` ends by SIGINT, whatever the code, if its last `exec` was interrupted
        _fail(code, "Interrupted", "interrupted; how to go on is on standard error", as_json=as_json)
    raise SystemExit(code)


def _run(words: Sequence[str], *, as_json: bool) -> int:
    """Carry out a command and return its exit code; raise KeyboardInterrupt if it was interrupted unawares."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # waiting threads must not keep the cores from working ones
    warnings.formatwarning = _in_words
    try:
        from qvar.cli.app import app
        from qvar.cli.completion import join_words

        join_words(os.environ)
        left = app(args=words, prog_name="qvar", standalone_mode=False)
        code = left if isinstance(left, int) else 0
        if code == _INTERRUPTED:
            raise KeyboardInterrupt  # which typer has turned into a number
        return code
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException as error:
        if was_interrupted(error):
            sys.stderr.write("interrupted\n")
            raise KeyboardInterrupt from None
        _explain(error, as_json=as_json)


def _explain(error: BaseException, *, as_json: bool) -> NoReturn:
    """Say on standard error what went wrong, and end with the exit code for it."""
    import typer

    usage_error: Any = typer.BadParameter.__mro__[1]  # click's, wherever typer keeps it
    if isinstance(error, usage_error):
        error.show()
        _fail(2, "UsageError", error.format_message(), as_json=as_json)
    if isinstance(error, QvarError | OSError):
        message = _of_system(error) if isinstance(error, OSError) else str(error)
        sys.stderr.write(f"error: {message}\n")
        _fail(2, type(error).__name__, message, as_json=as_json)
    if not as_json:
        raise error
    traceback.print_exception(error)  # a mistake of ours; the document comes all the same
    _fail(1, type(error).__name__, str(error), as_json=True)


def _in_words(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    line: str | None = None,  # noqa: ARG001
) -> str:
    """Return a warning as people at a terminal read it; those for programmers keep their place in the code."""
    if category is UserWarning:
        return f"warning: {message}\n"
    return f"{filename}:{lineno}: {category.__name__}: {message}\n"


def _of_system(error: OSError) -> str:
    """Return what the system refused, and for which file, without its number."""
    if error.strerror is None or error.filename is None:
        return str(error)
    return f"{os.fsdecode(error.filename)}: {error.strerror}"


def _fail(code: int, kind: str, message: str, *, as_json: bool) -> NoReturn:
    if as_json:
        sys.stdout.write(json.dumps({"error": {"kind": kind, "message": message}}, indent=1) + "\n")
    raise SystemExit(code) from None
