"""Fetch one small file over HTTP: bounded in size and time, never trusted before its digest is known."""

import io
import time
import urllib.error
import urllib.request
import zipfile
import zlib
from dataclasses import dataclass
from http.client import HTTPException

from qvar.simulators.errors import DatasetError

__all__ = ["Origin", "fetch"]

_CHUNK = 1 << 16


@dataclass(frozen=True)
class Origin:
    """Where a file can be had.

    Attributes:
        url: an http or https address.
        file_name: what to call the file here.
        member: its name inside the zip archive at `url`; None if `url` is the file itself.
    """

    url: str
    file_name: str
    member: str | None = None


def fetch(origin: Origin, *, limit_bytes: int, timeout_seconds: float, deadline_seconds: float = 120.0) -> bytes:
    """Return the bytes of a file on the web, held in memory: nothing is unpacked to disk.

    Args:
        origin: where it is.
        limit_bytes: the most that is read, of the download and of the unpacked member each.
        timeout_seconds: for the connection and for each silence of the server.
        deadline_seconds: for the whole download.

    Raises:
        DatasetError: if it cannot be had whole: refused, missing, too slow, too large, cut short, or not the archive
            it should be.
    """
    if not origin.url.startswith(("http://", "https://")):
        raise DatasetError(f"{origin.url} is neither an http nor an https address")
    try:
        raw = _download(origin.url, limit_bytes, timeout_seconds, deadline_seconds)
        return raw if origin.member is None else _unpack(raw, origin.member, limit_bytes)
    except DatasetError as error:
        raise DatasetError(f"{origin.url}: {error}") from None
    except (OSError, HTTPException, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as error:
        raise DatasetError(f"{origin.url}: {type(error).__name__}: {error}") from error


def _download(url: str, limit: int, timeout: float, deadline: float) -> bytes:
    began, parts, n_bytes = time.monotonic(), [], 0
    request = urllib.request.Request(url, headers={"User-Agent": "qvar"})  # some servers refuse Python's own name
    with urllib.request.urlopen(request, timeout=timeout) as response:
        promised = response.headers.get("Content-Length")
        while part := response.read(min(_CHUNK, limit + 1 - n_bytes)):
            parts.append(part)
            n_bytes += len(part)
            if n_bytes > limit:
                raise DatasetError(f"longer than the {limit:,} bytes allowed")
            if time.monotonic() - began > deadline:
                raise DatasetError(f"not done after {deadline:g} s")
    if promised is not None and n_bytes != int(promised):  # reading in parts, http.client leaves this check to us
        raise DatasetError(f"cut short: {n_bytes:,} of {int(promised):,} bytes arrived")
    return b"".join(parts)


def _unpack(raw: bytes, member: str, limit: int) -> bytes:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        if member not in archive.namelist():
            raise DatasetError(f"no {member!r} in the archive")
        with archive.open(member) as file:
            content = file.read(limit + 1)  # the size that the archive states may be a lie
    if len(content) > limit:
        raise DatasetError(f"{member!r} is longer than the {limit:,} bytes allowed")
    return content
