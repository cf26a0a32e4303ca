"""Make identities and checksums fit what an edit made of a file, as whoever wants to do harm would."""

import hashlib
import json
from typing import Any

__all__ = ["as_written", "identified", "journal_repaired", "unsealed"]


def identified(tree: dict[str, bytes]) -> dict[str, bytes]:
    """Return run, sweep, latent, study and comparison folders whose identities are those of their contents."""
    from qvar.runs import config_hash

    tree = unsealed(tree)
    for name in tree:
        if name.endswith(("config.json", "sweep.json", "study.json")):
            content = _object(tree[name])
            try:
                if name.endswith("sweep.json"):
                    content["id"] = config_hash({"combinations": content["combinations"], "seeds": content["seeds"]})
                else:
                    content["id"] = config_hash(content["plan" if name.endswith("study.json") else "config"])
                tree[name] = json.dumps(content).encode()
            except (KeyError, TypeError, ValueError, RecursionError):
                continue
    return tree


def unsealed(tree: dict[str, bytes]) -> dict[str, bytes]:
    """Return files without the checksums that `qvar.runs.sealed` adds; such files are read as they are."""
    tree = dict(tree)
    for name, content in tree.items():
        if name.endswith(".json"):
            tree[name] = _without(content, "sha256")
        elif name.endswith(".jsonl") and "journal" not in name:
            tree[name] = b"\n".join(_without(line, "check") for line in content.split(b"\n"))
    return tree


def _without(content: bytes, key: str) -> bytes:
    document = _object(content)
    return json.dumps({k: v for k, v in document.items() if k != key}).encode() if key in document else content


def as_written(tree: dict[str, bytes]) -> dict[str, bytes]:
    """Return classifier files with the right checksum."""
    tree = dict(tree)
    for name in tree:
        content = _object(tree[name])
        try:
            body = {key: content[key] for key in ("class", "parameters", "left_out", "fitted")}
            content["sha256"] = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
            tree[name] = json.dumps(content).encode()
        except (KeyError, TypeError, ValueError, RecursionError):
            continue
    return tree


def journal_repaired(tree: dict[str, bytes]) -> dict[str, bytes]:
    """Return journals whose lines have the right checksums."""
    tree = unsealed(tree)
    for name in tree:
        if not name.endswith("journal.jsonl"):
            continue
        check, lines = "", []
        for line in tree[name].split(b"\n")[:-1]:
            entry = _object(line)
            try:
                entry.pop("check", None)
                check = hashlib.sha256((check + json.dumps(entry, sort_keys=True)).encode()).hexdigest()[:16]
                lines.append(json.dumps({**entry, "check": check}).encode())
            except (TypeError, ValueError, RecursionError):
                lines.append(line)
        tree[name] = b"\n".join([*lines, b""])
    return tree


def _object(content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
