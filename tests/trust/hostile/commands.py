"""The command line as a reader of its arguments."""

from tests.trust.hostile.readers import Reader

__all__ = ["COMMANDS"]

COMMANDS: tuple[Reader, ...] = ()
