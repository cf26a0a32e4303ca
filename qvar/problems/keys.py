"""Keys that say how a problem is made, as far as they can."""

import hashlib

__all__ = ["WHOLE", "content_key", "key_or_hash", "number_text"]

WHOLE = r"(?:0|[1-9]\d*)"
"""A whole number without leading zeros, as a regular expression: one problem shall not have two names."""

_MAX_LENGTH = 64


def number_text(value: float) -> str:
    """Return a number as short as it can be written without loss.

    Example:
        >>> number_text(0.5), number_text(-1.0), number_text(1 / 3)
        ('0.5', '-1', '0.3333333333333333')
    """
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


def key_or_hash(stem: str, recipe: str) -> str:
    """Return "STEM-RECIPE", or a hash for the recipe where that is no valid key."""
    key = f"{stem}-{recipe}"
    return key if len(key) <= _MAX_LENGTH and "+" not in key else content_key(stem, recipe.encode())


def content_key(stem: str, content: bytes) -> str:
    """Return "STEM-HASH" for problems that no name describes.

    Example:
        >>> content_key("state-2", b"anything")
        'state-2-ee0874170b7f'
    """
    return f"{stem}-{hashlib.sha256(content).hexdigest()[:12]}"
