"""Reading a file that grows: every whole line once, whatever happens to the file."""

import json

from hypothesis import given
from hypothesis import strategies as st

from qvar.dashboard import tail as tail_module
from qvar.dashboard.tail import Tail


def test_every_line_is_read_once_however_the_file_grows(tmp_path_factory):
    @given(
        sizes=st.lists(st.integers(1, 40), min_size=1, max_size=30),
        max_bytes=st.integers(1, 60),
    )
    def check(sizes, max_bytes):
        file = tmp_path_factory.mktemp("tail") / "metrics.jsonl"
        text = "".join(json.dumps({"n": n, "text": "x" * (n % 7)}) + "\n" for n in range(12)).encode()
        tail, seen, begin = Tail(file), [], 0
        for size in [*sizes, len(text)]:
            with file.open("ab") as stream:
                stream.write(text[begin : begin + size])
            begin += size
            news = tail.read(max_bytes=max_bytes)
            seen += news.records
            while news.is_behind:
                news = tail.read(max_bytes=max_bytes)
                seen += news.records
        assert [entry["n"] for entry in seen] == list(range(12))
        assert tail.damage is None
        assert tail.share == 1.0

    check()


def test_a_missing_file_is_empty_until_it_comes(tmp_path):
    tail = Tail(tmp_path / "metrics.jsonl")
    assert tail.read().records == ()
    tail.file.write_text('{"a": 1}\n')
    assert tail.read().records == ({"a": 1},)


def test_a_half_written_line_is_read_when_it_is_whole(tmp_path):
    tail = Tail(tmp_path / "metrics.jsonl")
    tail.file.write_text('{"a": 1}\n{"a"')
    assert tail.read().records == ({"a": 1},)
    assert tail.read().records == ()
    with tail.file.open("a") as file:
        file.write(": 2}\n")
    assert tail.read().records == ({"a": 2},)


def test_a_replaced_file_is_read_from_its_start(tmp_path):
    tail = Tail(tmp_path / "metrics.jsonl")
    tail.file.write_text('{"a": 1}\n{"a": 2}\n')
    tail.read()
    (tmp_path / "new").write_text('{"a": 1}\n{"a": 3}\n')
    (tmp_path / "new").replace(tail.file)
    news = tail.read()
    assert news.is_fresh_start
    assert news.records == ({"a": 1}, {"a": 3})


def test_a_damaged_line_is_named_and_ends_the_reading(tmp_path):
    for bad in ("nonsense", "[1]", '{"a": NaN}', "\x00\x01", "[" * 100_000):
        tail = Tail(tmp_path / "metrics.jsonl")
        tail.file.write_text(f'{{"a": 1}}\n{bad}\n{{"a": 3}}\n')
        assert tail.read().records == ({"a": 1},)
        assert "line 2" in tail.damage
        assert not tail.read().is_behind


def test_a_line_without_end_is_damage_and_not_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(tail_module, "_MAX_LINE", 1000)
    file = tmp_path / "metrics.jsonl"
    file.write_text('{"n": 0}\n' + "x" * 5000)
    tail = Tail(file)
    assert tail.read(max_bytes=100).records == ({"n": 0},)
    assert not tail.read(max_bytes=100).is_behind
    assert "line 2" in tail.damage
    assert tail.read(max_bytes=100).records == ()
