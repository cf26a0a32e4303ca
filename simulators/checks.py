"""The check of whole-number settings, shared by all layers."""

import operator
from typing import SupportsIndex

from qvar.simulators.errors import QvarError

__all__ = ["check_whole"]


def check_whole(name: str, value: SupportsIndex, *, least: int = 1, error: type[QvarError] = QvarError) -> int:
    """Return `value` as an int; NumPy's integers count as whole numbers, floats do not.

    Raises:
        QvarError: (or the subclass `error`) if it is not a whole number of at least `least`.
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise error(f"{name} must be a whole number, got {value!r}") from None
    if number < least:
        raise error(f"{name} must be at least {least}, got {number}")
    return number
