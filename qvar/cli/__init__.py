"""The command `qvar`; every command loads what it needs when it runs, so that `qvar --help` is immediate."""

import json
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from typing import Any, NoReturn

__all__ = ["main"]

_INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; wrong input ends with one message on standard error and exit code 2.

    With --json, standard output holds one JSON document in any case: the result, or
    `{"error": {"kind": ..., "message": ...}}` if there is none.

    Args:
        arguments: what follows the program's name, None for `sys.argv`.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # waiting threads must not keep the cores from working ones
    warnings.formatwarning = _in_words
    import typer

    from qvar.cli.app import app
    from qvar.cli.completion import join_words
    from qvar.simulators.errors import QvarError

    join_words(os.environ)
    words = sys.argv[1:] if arguments is None else list(arguments)
    as_json = "--json" in words
    usage_error: Any = typer.BadParameter.__mro__[1]  # click's, wherever typer keeps it
    try:
        left = app(args=words, prog_name="qvar", standalone_mode=False)
        code = left if isinstance(left, int) else 0
    except usage_error as error:
        error.show()
        _fail(2, "UsageError", error.format_message(), as_json=as_json)
    except (QvarError, OSError) as error:
        message = _of_system(error) if isinstance(error, OSError) else str(error)
        sys.stderr.write(f"error: {message}\n")
        _fail(2, type(error).__name__, message, as_json=as_json)
    except Exception as error:
        if not as_json:
            raise
        traceback.print_exc()  # a mistake of ours; the document comes all the same
        _fail(1, type(error).__name__, str(error), as_json=True)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    if code == _INTERRUPTED:
        _fail(code, "Interrupted", "interrupted; how to go on is on standard error", as_json=as_json)
    raise SystemExit(code)


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
