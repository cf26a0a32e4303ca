"""What the files that Weights & Biases keeps in a run folder hold already.

W&B writes its numbers to disk every 15 seconds, so that a killed run has lost the last of them; only the files tell
which. They are logs in the format of LevelDB: blocks of 32 KiB with records, long ones in pieces, in protocol buffers.
"""

import struct
from collections.abc import Iterator
from pathlib import Path

__all__ = ["last_step_on_disk"]

_FILE_HEADER = 7
_BLOCK = 1 << 15
_PIECE = struct.Struct("<IHB")  # checksum, length, kind
_FULL, _FIRST, _LAST = 1, 2, 4


def last_step_on_disk(folder: Path) -> int:
    """Return the last step in the files of W&B below `folder`, 0 if there is none."""
    return max((step for file in folder.glob("*run-*/run-*.wandb") for step in _steps(file.read_bytes())), default=0)


def _steps(log: bytes) -> Iterator[int]:
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped,unused-ignore]
    from wandb.proto.wandb_internal_pb2 import Record

    for message in _messages(log):
        record = Record()
        try:
            record.ParseFromString(message)
        except DecodeError:
            return
        if record.HasField("history"):
            yield int(record.history.step.num)


def _messages(log: bytes) -> Iterator[bytes]:
    """Give the records of a log, up to where a kill cut it off."""
    position, message = _FILE_HEADER, b""
    while True:
        left_in_block = _BLOCK - position % _BLOCK
        if left_in_block < _PIECE.size:
            position += left_in_block
        begin = position + _PIECE.size
        if begin > len(log):
            return
        _, length, kind = _PIECE.unpack_from(log, position)
        if kind == 0 or begin + length > len(log):
            return
        piece = log[begin : begin + length]
        message = piece if kind in (_FULL, _FIRST) else message + piece
        position = begin + length
        if kind in (_FULL, _LAST):
            yield message
