"""Keep credentials out of everything people see: messages, logs, records.

The token comes from the environment or from Qiskit's saved account, never from an argument of ours; a service that was
made elsewhere tells its own. What the service or a library says may still quote it, in one writing or another; so every
message passes through `redact`, and every call of the service through `guarded`, which raises a new error with the
redacted text and without the original as its cause or context.
"""

import base64
import json
import logging
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus

from qvar.simulators.errors import HardwareError, QvarError
from qvar.simulators.untrusted import UNREADABLE, parse_json

__all__ = [
    "PassingTrouble",
    "account_file",
    "guarded",
    "is_refusal",
    "is_transient",
    "learn_secret",
    "redact",
    "saved_tokens",
    "shield_logs",
]

R = TypeVar("R")

_HIDDEN = "[redacted]"
_PATTERNS = (
    re.compile(r"(?i)\b(apikey|bearer|authorization[\"']?\s*[:=]\s*[\"']?basic)([\s:=\"']+)[A-Za-z0-9._~+/=-]{6,}"),
    re.compile(r"(?i)(token|authorization|api[-_ ]key)([\"']?\s*[:=]\s*[\"']?)[A-Za-z0-9._~+/=-]{6,}"),
)
_KEY = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_-]{44}(?![A-Za-z0-9_-])")  # the length of an IBM Cloud API key
_WEB_TOKEN = re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_.-]+")
_ENVIRONMENT = re.compile(r"(QISKIT|IBM).*(TOKEN|API_?KEY)")
_CHATTY = ("qiskit_ibm_runtime", "ibm_cloud_sdk_core", "ibm_platform_services", "urllib3", "requests")


class PassingTrouble(HardwareError):
    """A failure that may be over when the same call is made again."""


def account_file() -> Path:
    """Return where Qiskit saves accounts."""
    return Path("~/.qiskit/qiskit-ibm.json").expanduser()


def redact(text: str) -> str:
    """Return `text` without the tokens of the environment and of saved accounts, and without what looks like one."""
    for secret in sorted(_secrets(), key=len, reverse=True):
        for writing in _writings(secret):
            text = text.replace(writing, _HIDDEN)
    for pattern in _PATTERNS:
        text = pattern.sub(rf"\1\2{_HIDDEN}", text)
    return _KEY.sub(_HIDDEN, _WEB_TOKEN.sub(_HIDDEN, text))


def _secrets() -> set[str]:
    found = {value for name, value in os.environ.items() if _ENVIRONMENT.search(name)} | saved_tokens()
    _KNOWN.update(secret for secret in found if len(secret) >= _SHORTEST)
    return set(_KNOWN)


def saved_tokens() -> set[str]:
    """Return the tokens of saved accounts, none if none is saved or the file cannot be read."""
    try:
        accounts = parse_json(account_file().read_bytes())
        return {str(a["token"]) for a in accounts.values() if isinstance(a, dict) and a.get("token")}
    except UNREADABLE:
        return set()


_KNOWN: set[str] = set()
"""The secrets that this process has seen: a token stays one after the environment or the account has changed."""

_SHORTEST = 6
"""Shorter values are no tokens of any service, and hiding them would garble texts."""


def learn_secret(service: Any) -> None:
    """Remember the token of a service, which need not be that of the environment or of a saved account."""
    try:
        token = (service.active_account() or {}).get("token")
    except Exception:  # services made for tests or by others have no account
        return
    if isinstance(token, str) and len(token) >= _SHORTEST:
        _KNOWN.add(token)


def _writings(secret: str) -> list[str]:
    """Return a secret as it appears in texts, URLs, JSON, Python, and inside of base64."""
    urls = {quote(secret), quote(secret, safe=""), quote_plus(secret)}
    plain = {secret, json.dumps(secret)[1:-1], repr(secret)[1:-1]} | urls
    data = secret.encode()
    encoded: set[str] = set()
    for before in range(3):  # what stands before decides on which bits the secret begins
        whole = 3 * ((before + len(data)) // 3)
        content = (bytes(before) + data)[:whole]
        start = 0 if before == 0 else 4
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded.add(encode(content).decode()[start:])
    return sorted(plain | {text for text in encoded if len(text) >= _SHORTEST}, key=len, reverse=True)


def guarded(action: Callable[[], R], what: str) -> R:
    """Return what `action` returns; an error becomes a `HardwareError` with a redacted message and no cause.

    Args:
        action: a call that reaches the service.
        what: the doing, for the message: "submitting a job".
    """
    try:
        return action()
    except QvarError:
        raise
    except Exception as error:
        kind = PassingTrouble if is_transient(error) else HardwareError
        failure = kind(redact(f"{what} failed: {type(error).__name__}: {error}"))
    raise failure  # outside of the handler, so that the original, which may quote a token, is not attached


_TRANSIENT_CODE = re.compile(r"(?<!\d)(408|425|429|5\d\d)(?!\d)")
_TRANSIENT_WORDS = re.compile(
    r"(?i)time[d ]*out|connection|temporar|too many requests|rate limit|unavailable|bad gateway|try again|max retries"
)


def is_transient(error: BaseException) -> bool:
    """Return whether the same call may succeed later: network trouble, 5xx, or a rate limit."""
    if isinstance(error, PassingTrouble | ConnectionError | TimeoutError):
        return True
    code = getattr(error, "status_code", None)
    if isinstance(code, int) and code > 0:
        return code in (408, 425, 429) or code >= 500
    if isinstance(error, TypeError | ValueError | LookupError | AttributeError):
        return False
    text = str(error)
    return bool(_TRANSIENT_CODE.search(text) or _TRANSIENT_WORDS.search(text))


_REFUSAL = re.compile(r"(?<!\d)4(?!08)\d\d Client Error")


def is_refusal(error: BaseException) -> bool:
    """Return whether the service answered that it does not take the request: then it certainly has not taken it."""
    return bool(_REFUSAL.search(str(error)))


class _Redacting(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        clean = redact(message)
        if clean != message:
            record.msg, record.args = clean, ()
        if record.exc_info:  # a traceback may quote the token too
            record.msg, record.args = redact(f"{record.getMessage()} ({record.exc_info[1]})"), ()
            record.exc_info = record.exc_text = None
        return True


_FILTER = _Redacting()


def shield_logs() -> None:
    """Redact what the libraries that talk to the service log."""
    for name in [*_CHATTY, *logging.root.manager.loggerDict]:
        if name.split(".")[0] in _CHATTY:
            logging.getLogger(name).addFilter(_FILTER)  # adding it twice has no effect
