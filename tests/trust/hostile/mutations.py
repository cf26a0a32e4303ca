"""Hypothesis strategies that turn valid files into hostile ones, knowing how they are built.

A file is text (tokens), JSON (values at paths), JSON lines, an .npz archive (zip members that hold arrays, some of them
JSON), or bytes. Hypothesis draws the edits, so that a failing input shrinks to few and simple ones.
"""

import io
import json
import pickle
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

__all__ = ["NUMBERS", "PAYLOADS", "TEXTS"]
__all__ += ["bytes_edits", "json_edits", "lines_edits", "npz_edits", "text_edits"]

Draw = Callable[[st.SearchStrategy[Any]], Any]


class _Bomb:
    """Executes a command when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return eval, ("__import__('os').system('touch pwned')",)


PAYLOADS: tuple[bytes, ...] = (
    *(pickle.dumps(_Bomb(), protocol) for protocol in (0, 2, 4)),
    b"cposix\nsystem\n(S'touch pwned'\ntR.",
)
NUMBERS: tuple[Any, ...] = (
    *(0, 1, -1, 2, 3, 7, 63, 64, 127, 128, 255, 256, 1000, 65536, 10**6, 10**7, 2**31, 2**32, 2**53, 2**63, 2**64),
    *(-(2**31), -(2**63), 10**30, 10**400, 0.0, -0.0, 0.5, 1.5, 1e-300, 5e-324, 1e300, 1e308),
    *(float("nan"), float("inf"), float("-inf")),
)
TEXTS: tuple[str, ...] = (
    *(
        "",
        " ",
        "\0",
        "\ud800",
        "\ufeff",
        "\r\n",
        "\u00e9",
        "\U0001d4b3",
        "[/b]",
        "<script>",
        "a" * 300,
        "x" * 100_000,
        "%s%n",
        "{0}",
        "$(touch pwned)",
    ),
    *("../../../../etc/passwd", "/etc/passwd", "../secret.txt", "..", ".", "/", "C:\\x", "con", "a/b", "~root", "-rf"),
    *("__import__('os').system('touch pwned')", "!!python/object/apply:os.system ['touch pwned']", "__class__"),
    *(
        "NaN",
        "Infinity",
        "-1",
        "1e400",
        "9" * 5000,
        "0x10",
        "1_000",
        "\u0661",
        "true",
        "null",
        "None",
        "[]",
        "{}",
        "nan",
    ),
    *("object", "|O", "<f8", "O", "V1000000000", "fake:FakeSherbrooke", "fake:../x", "aer", "I" * 2000, "Z" * 40),
)


@st.composite
def _value(draw: Draw) -> Any:
    """Draw a JSON value that nobody expects."""
    kind = draw(st.integers(0, 9))
    if kind <= 3:
        return draw(st.sampled_from(NUMBERS))
    if kind <= 5:
        return draw(st.sampled_from(TEXTS))
    if kind == 6:
        return draw(st.sampled_from((None, True, False, [], {}, [[]], [{}], {"": None}, [None], [[0]], [0, 0])))
    if kind == 7:
        return draw(st.sampled_from((_Deep(90), _Deep(400), _Deep(900), _Deep(100_000))))
    if kind == 8:
        return [draw(st.sampled_from(NUMBERS))] * draw(st.sampled_from((2, 3, 1000, 100_000)))
    return draw(st.recursive(st.none() | st.integers() | st.text(max_size=5), _containers, max_leaves=5))


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)


class _Deep(str):
    """A placeholder for arrays in arrays, which `json.dumps` could not write."""

    def __new__(cls, depth: int) -> "_Deep":
        return super().__new__(cls, f"@deep{depth}@")


def _dump(document: Any) -> str:
    text = json.dumps(document)
    return re.sub(r'"@deep(\d+)@"', lambda m: "[" * int(m[1]) + "]" * int(m[1]), text)


def _paths(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path]
    items: Any = ()
    if isinstance(document, dict):
        items = document.items()
    elif isinstance(document, list):
        items = enumerate(document[:20])
    for key, value in items:
        found += _paths(value, (*path, key))
    return found


@st.composite
def json_document(draw: Draw, document: Any) -> Any:
    """Draw a document with one to three changes."""
    for _ in range(draw(st.integers(1, 3))):
        paths = _paths(document)
        path = paths[draw(st.integers(0, len(paths) - 1))]
        document = _changed(draw, document, path)
    return document


def _changed(draw: Draw, document: Any, path: tuple[Any, ...]) -> Any:
    if path:
        key = path[0]
        copy = dict(document) if isinstance(document, dict) else list(document)
        if len(path) == 1 and draw(st.integers(0, 5)) == 0:
            _reshape(draw, copy, key)
        else:
            copy[key] = _changed(draw, copy[key], path[1:])
        return copy
    if isinstance(document, bool | int | float) and draw(st.booleans()):
        return draw(st.sampled_from(NUMBERS))
    return [document] if draw(st.integers(0, 9)) == 0 else draw(_value())


def _reshape(draw: Draw, container: Any, key: Any) -> None:
    value = container.pop(key)
    if isinstance(container, dict):
        if draw(st.booleans()):
            container[draw(st.sampled_from(TEXTS))] = value
    elif draw(st.booleans()):
        container.extend([value] * draw(st.sampled_from((2, 3, 1000))))


@st.composite
def json_edits(draw: Draw, seed: bytes) -> bytes:
    """Draw a JSON file like `seed` with changed values; now and then also with changed bytes or tokens."""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return draw(bytes_edits(seed))
    if kind == 1 or not _is_json(seed):  # what was edited before may be none
        return draw(text_edits(seed, ("{", "}", "[", "]", ",", ":", '"', "NaN", "1e999", "\\ud800", "\0")))
    text = _dump(draw(json_document(json.loads(seed)))).encode()
    return draw(bytes_edits(text)) if kind == 2 else text


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


@st.composite
def lines_edits(draw: Draw, seed: bytes) -> bytes:
    """Draw a file of JSON lines with a changed one, or lines in another order."""
    lines = seed.split(b"\n")
    row = draw(st.integers(0, len(lines) - 1))
    kind = draw(st.integers(0, 5))
    if kind == 0:
        del lines[row]
    elif kind == 1:
        lines[row:row] = [lines[row]] * draw(st.sampled_from((1, 2, 500)))
    elif lines[row].strip():
        lines[row] = draw(json_edits(lines[row]))
    else:
        lines[row] = draw(st.sampled_from((b"null", b"[]", b"{}", b"[" * 100_000, b"\xff", b"1", b"\0" * 100)))
    return b"\n".join(lines)


_TOKEN = re.compile(r"\w+|\s+|.", re.DOTALL)


@st.composite
def text_edits(draw: Draw, seed: bytes, words: Sequence[str] = ()) -> bytes:
    """Draw a text like `seed` with one to five changed tokens; `words` are those of its language."""
    tokens = _TOKEN.findall(seed.decode("utf-8", "surrogateescape"))
    for _ in range(draw(st.integers(1, 5))):
        kind, place = draw(st.integers(0, 8)), draw(st.integers(0, max(0, len(tokens) - 1)))
        if not tokens:
            tokens = [draw(_token(words))]
        elif kind <= 2:
            tokens[place] = draw(_token(words))
        elif kind <= 4:
            tokens.insert(place, draw(_token(words)))
        elif kind == 5:
            del tokens[place]
        elif kind == 6:
            end = min(len(tokens), place + draw(st.sampled_from((1, 3, 10))))
            tokens[place:place] = tokens[place:end] * draw(st.sampled_from((1, 2, 50, 1000)))
        elif kind == 7:
            other = draw(st.integers(0, len(tokens) - 1))
            tokens[place], tokens[other] = tokens[other], tokens[place]
        else:
            del tokens[place:]
    text = "".join(tokens)[:200_000]
    return text.encode("utf-8", "surrogatepass" if any("\ud800" <= c < "\udc80" for c in text) else "surrogateescape")


@st.composite
def _token(draw: Draw, words: Sequence[str]) -> str:
    kind = draw(st.integers(0, 4))
    if kind <= 2 and words:
        return draw(st.sampled_from(words))
    if kind == 3:
        return str(draw(st.sampled_from(NUMBERS)))
    return draw(st.sampled_from(TEXTS))


@st.composite
def bytes_edits(draw: Draw, seed: bytes) -> bytes:
    """Draw bytes like `seed` with one to four changes, some of them to numbers of two to eight bytes."""
    data = bytearray(seed)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(data) - 1)))
        kind = draw(st.integers(0, 7))
        if kind <= 1 and data:
            data[place] ^= 1 << draw(st.integers(0, 7))
        elif kind <= 3 and data:
            width = draw(st.sampled_from((1, 2, 4, 8)))
            number = draw(
                st.sampled_from((0, 1, 2**7 - 1, 2**7, 2**8 - 1, 2**15, 2**16 - 1, 2**31 - 1, 2**32 - 1, 2**63))
            )
            order = draw(st.sampled_from(("little", "big")))
            data[place : place + width] = (number % 2 ** (8 * width)).to_bytes(width, order)
        elif kind == 4:
            data[place:place] = draw(st.sampled_from((b"\0", b"\xff", b"\xef\xbb\xbf", b"\r\n", *PAYLOADS)))
        elif kind == 5:
            del data[place : place + draw(st.sampled_from((1, 4, 100)))]
        elif kind == 6:
            data[place:place] = data[place : place + 64] * draw(st.sampled_from((1, 2, 100)))
        else:
            del data[place:]
    return bytes(data)


@st.composite
def npz_edits(draw: Draw, seed: bytes) -> bytes:
    """Draw an .npz file with hostile headers, arrays, members or bytes."""
    with zipfile.ZipFile(io.BytesIO(seed)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    kind = draw(st.integers(0, 11))
    if kind == 0:
        return draw(bytes_edits(seed))
    name = draw(st.sampled_from(sorted(members)))
    extra: dict[str, bytes] = {}
    if kind == 1:
        del members[name]
    elif kind == 2:
        extra[draw(st.sampled_from((*TEXTS[:3], "../../x.npy", "/etc/x.npy", name, name.removesuffix(".npy"))))] = (
            members[name]
        )
    elif kind <= 5:
        members[name] = draw(_header_edits(members[name]))
    elif kind <= 8:
        members[name] = draw(_array_edits(members[name]))
    elif kind == 9:
        members[name] = draw(bytes_edits(members[name]))
    elif kind == 10:
        members[name] = draw(st.sampled_from((*PAYLOADS, b"", b"\x93NUMPY", b"\x93NUMPY\x03\x00\xff\xff\xff\xff")))
    else:
        size = draw(st.sampled_from((10**6, 3 * 10**8)))
        members[name] = _header("<f8", (size // 8,)) + zlib.decompress(_zeros(size))
    return _zipped(draw, members, extra, deflate=kind == 11 or draw(st.booleans()))


_ZEROS: dict[int, bytes] = {}


def _zeros(size: int) -> bytes:
    if size not in _ZEROS:
        _ZEROS[size] = zlib.compress(bytes(size), 1)
    return _ZEROS[size]


def _zipped(draw: Draw, members: dict[str, bytes], extra: dict[str, bytes], *, deflate: bool) -> bytes:
    stream = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED
    link = draw(st.integers(0, 20)) == 1
    with zipfile.ZipFile(stream, "w", method, compresslevel=1) as archive:
        for name, content in (*members.items(), *extra.items()):
            entry = zipfile.ZipInfo(name or "_")
            entry.compress_type = method
            if link:
                entry.external_attr = 0o120777 << 16  # a symbolic link
            archive.writestr(entry, content)
    data = stream.getvalue()
    if draw(st.integers(0, 9)) == 1:  # lies of the directory: sizes, methods, encryption
        place = data.rfind(b"PK\x01\x02") + draw(st.sampled_from((8, 10, 20, 24, 28, 42)))
        return (
            data[:place]
            + draw(st.sampled_from((b"\x01\x00", b"\xff\xff", b"\x63\x00", b"\x0c\x00")))
            + data[place + 2 :]
        )
    return data


def _header(descr: Any, shape: Any, text: str | None = None, version: int = 1) -> bytes:
    body = (text or repr({"descr": descr, "fortran_order": False, "shape": shape})).encode("latin-1", "replace") + b"\n"
    length = struct.pack("<H", len(body) % 65536) if version == 1 else struct.pack("<I", len(body))
    return b"\x93NUMPY" + bytes((version, 0)) + length + body


@st.composite
def _header_edits(draw: Draw, member: bytes) -> bytes:
    """Draw an array whose header lies, or is no header."""
    data = member[member.find(b"\n") + 1 :]
    descr = draw(
        st.sampled_from(
            (
                "|O",
                "<f8",
                "<i8",
                "|i1",
                "<U5",
                "|S9",
                "|V8",
                "<c16",
                "<M8[s]",
                "<U100000000",
                "bad",
                "",
                3,
                [("a", "<f8"), ("b", "|O")],
                [("a", "<f8", (10**6, 10**6))],
            )
        )
    )
    shape = draw(
        st.sampled_from(
            (
                (),
                (0,),
                (1,),
                (-1,),
                (3,),
                (2, 2),
                (10**9,),
                (10**12,),
                (10**6, 10**6),
                (2**62, 4),
                (1.5,),
                ("a",),
                [3],
                3,
                None,
                (0, 10**18),
                (1,) * 40,
            )
        )
    )
    texts = (
        "",
        "None",
        "[]",
        "(" * 3000,
        "{" * 200,
        "[" * 9000,
        "1" * 9000,
        "__import__('os').system('touch pwned')",
        "{'descr': '<f8'}",
        "{'descr': '<f8', 'fortran_order': 3, 'shape': (1,)}",
        "\0",
        "'" * 3,
        "{'a'",
        "-" * 9000,
    )
    text = draw(st.none() | st.sampled_from(texts))
    payload = draw(st.sampled_from((data, b"", *PAYLOADS)))
    return _header(descr, shape, text, draw(st.sampled_from((1, 1, 2, 3)))) + payload


@st.composite
def _array_edits(draw: Draw, member: bytes) -> bytes:
    """Draw a valid array of other values, type or shape; an array that holds JSON gets other JSON."""
    array = np.load(io.BytesIO(member), allow_pickle=False)
    if array.dtype.kind == "U" and array.ndim == 0 and draw(st.integers(0, 4)):
        text = draw(json_edits(str(array).encode())).decode("utf-8", "replace")
        array = np.array(text.rstrip("\0"))
    else:
        array = _other_array(draw, array)
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def _other_array(draw: Draw, array: Any) -> Any:
    kind = draw(st.integers(0, 7))
    with np.errstate(all="ignore"):
        if kind == 0:
            return array[..., :0] if array.ndim else array[None]
        if kind == 1:
            return array[None]
        if kind == 2:
            return array.ravel()
        if kind == 3 and array.dtype.kind in "biuf":
            return array.astype(draw(st.sampled_from(("f8", "f4", "f2", "i8", "i1", "u8", "?", "c16", "U5", "S3"))))
        if kind <= 5 and array.dtype.kind in "f" and array.size:
            array.flat[draw(st.integers(0, array.size - 1))] = draw(st.sampled_from((np.nan, np.inf, -1, 1e300, 0)))
            return array
        if array.dtype.kind in "iu" and array.size:
            info = np.iinfo(array.dtype)
            array.flat[draw(st.integers(0, array.size - 1))] = draw(st.sampled_from((info.min, info.max, 0, 1, 9)))
            return array
        return draw(
            st.sampled_from(
                (
                    np.array(0),
                    np.array("x"),
                    np.zeros((0, 0)),
                    np.zeros((3, 3)),
                    np.array(["a", "b"]),
                    np.array("2020", dtype="M8[Y]"),
                    np.zeros(2, dtype="i4,f8"),
                )
            )
        )
