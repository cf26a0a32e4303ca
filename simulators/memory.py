"""The limit on memory that one request may take."""

from qvar.simulators.errors import EngineError

__all__ = ["MOST_NUMBERS", "check_memory"]

MOST_NUMBERS = 2**30
"""float64 numbers in 8 GiB."""


def check_memory(numbers: int, what: str) -> None:
    """Raise EngineError if `what`, so many float64 numbers, would take more than 8 GiB."""
    if numbers > MOST_NUMBERS:
        raise EngineError(
            f"{what} would take {numbers * 8 / 2**30:.1f} GiB of memory, more than {MOST_NUMBERS * 8 >> 30}; use fewer "
            "rows at once, fewer qubits or fewer rotations"
        )
