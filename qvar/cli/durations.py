"""Durations in words."""

__all__ = ["duration"]


def duration(seconds: float) -> str:
    """Return seconds in the unit that suits them."""
    for limit, unit, name in ((100, 1, "s"), (6000, 60, "min"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds / 86_400:.0f} days"
