"""The restaurant reviews: known files only, downloads that cannot hurt, and a way to go on without a network."""

import contextlib
import hashlib
import io
import shutil
import socket
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from qvar.classify.comparison.plan import fingerprint
from qvar.classify.datasets import data_folder, fetching, load_dataset, load_restaurant_reviews, reviews
from qvar.classify.datasets.fetching import Origin, fetch
from qvar.simulators.errors import DatasetError

MEMBER = "sentiment labelled sentences/yelp_labelled.txt"


def made(n=1000, liked=500):
    lines = [f'Sentence "{i}, with\ta tab and \x85 inside.\t{int(i < liked)}\n' for i in range(n)]
    return "".join(lines).encode()


def zipped(**members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """An empty folder for data sets."""
    folder = tmp_path / "cache" / "deep"
    monkeypatch.setenv("QVAR_DATA", str(folder))
    return folder


@pytest.fixture
def known(monkeypatch):
    """A made-up file that counts as the known one."""
    raw = made()
    monkeypatch.setattr(reviews, "CARRIERS", {hashlib.sha256(raw).hexdigest(): "yelp_labelled.txt"})
    return raw


@pytest.fixture
def site():
    """A web server on this machine, and the pages it has: content, or content and the length it claims."""
    pages, asked = {}, []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            if self.path not in pages:
                self.send_error(404)
                return
            content, length = pages[self.path]
            self.send_response(200)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            with contextlib.suppress(ConnectionError):  # the reader may have had enough
                self.wfile.write(content)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()

    class Site:
        url = f"http://127.0.0.1:{server.server_port}"
        requests = asked

        @staticmethod
        def put(path, content, length=None):
            pages[path] = (content, len(content) if length is None else length)
            return Site.url + path

    yield Site
    server.shutdown()
    server.server_close()
    thread.join()


def origins(monkeypatch, *sources):
    monkeypatch.setattr(reviews, "ORIGINS", tuple(Origin(url, "yelp_labelled.txt", member) for url, member in sources))


# ---- the real file


def test_the_real_file_has_its_known_rows(test_data):
    data = load_restaurant_reviews(test_data / "yelp_labelled.txt")
    assert data.is_text
    assert data.sha256 == "c76468b7b5c6e56a0804d728345c5f84aa2142ddb214420f61cc9cfd4c00d2ea"
    assert (data.n_rows, int(data.y.sum())) == (1000, 500)
    assert data.X[0] == "Wow... Loved this place."
    assert data.y[:3].tolist() == [1, 0, 0]
    lengths = [len(text.split()) for text in data.X]
    assert (min(lengths), max(lengths), round(np.mean(lengths), 1)) == (1, 32, 10.9)
    assert "10.1145/2783258.2783380" in data.citation


def test_dropping_duplicates_leaves_each_sentence_once_in_its_first_place(test_data):
    kept, dropped = load_restaurant_reviews(test_data), load_restaurant_reviews(test_data, duplicates="drop")
    assert (dropped.n_rows, int(dropped.y.sum())) == (996, 499)
    assert list(dropped.X) == list(dict.fromkeys(kept.X))
    assert fingerprint(dropped) != fingerprint(kept)
    assert dropped.sha256 == kept.sha256


def test_the_real_rows_are_also_found_by_name_and_in_the_cache(test_data, cache):
    cache.mkdir(parents=True)
    shutil.copy(test_data / "yelp_labelled.txt", cache)
    by_path = load_dataset("restaurant-reviews", path=test_data)
    assert fingerprint(load_dataset("restaurant-reviews")) == fingerprint(by_path)


def test_a_changed_byte_of_the_real_file_is_refused(test_data, tmp_path):
    raw = (test_data / "yelp_labelled.txt").read_bytes()
    copy = tmp_path / "copy.txt"
    copy.write_bytes(raw.replace(b"Loved", b"loved", 1))
    with pytest.raises(DatasetError, match=hashlib.sha256(copy.read_bytes()).hexdigest()):
        load_restaurant_reviews(copy)


# ---- files


def test_the_last_tab_parts_and_quotes_and_odd_line_ends_are_text(known, tmp_path):
    file = tmp_path / "any name"
    file.write_bytes(known)
    data = load_restaurant_reviews(file)
    assert data.X[3] == 'Sentence "3, with\ta tab and \x85 inside.'
    assert data.y[499:501].tolist() == [1, 0]


@pytest.mark.parametrize(
    "change", [lambda raw: raw.replace(b"\n", b"\r\n"), lambda raw: b"Review\tLiked\n" + raw.rstrip(b"\n")]
)
def test_another_copy_is_used_only_on_request_with_a_warning_and_its_digest_on_record(known, tmp_path, change):
    file = tmp_path / "other.tsv"
    file.write_bytes(change(known))
    digest = hashlib.sha256(change(known)).hexdigest()
    with pytest.raises(DatasetError, match="allow_unverified"):
        load_restaurant_reviews(file)
    with pytest.warns(UserWarning, match=digest):
        data = load_restaurant_reviews(file, allow_unverified=True)
    assert data.sha256 == digest
    assert "unverified" in data.source
    assert data.X[0] == 'Sentence "0, with\ta tab and \x85 inside.'


@pytest.mark.filterwarnings("ignore:.*digest")
@pytest.mark.parametrize(
    ("raw", "trouble"),
    [
        (made(1001), "1001 sentences"),
        (made(1000, 499), "499 liked"),
        (made(999) + b"Not good    0\n", "not a text, a tab"),
        (made(999) + b"\t0\n", "not a text, a tab"),
        (b"\xff" + made(), "UTF-8"),
        (b"", "0 sentences"),
    ],
)
def test_rows_that_are_not_those_expected_are_refused_even_on_request(tmp_path, raw, trouble):
    file = tmp_path / "other.txt"
    file.write_bytes(raw)
    with pytest.raises(DatasetError, match=trouble):
        load_restaurant_reviews(file, allow_unverified=True)


def test_without_a_file_the_error_says_where_to_place_it(cache):
    with pytest.raises(DatasetError, match="download=True") as raised:
        load_restaurant_reviews()
    assert f"place yelp_labelled.txt or Restaurant_Reviews.tsv in {cache}" in str(raised.value)


def test_a_path_without_the_file_and_senseless_options_are_refused(tmp_path):
    with pytest.raises(DatasetError, match="no restaurant reviews at"):
        load_restaurant_reviews(tmp_path)
    with pytest.raises(DatasetError, match="no restaurant reviews at"):
        load_restaurant_reviews(tmp_path / "nothing.txt")
    with pytest.raises(DatasetError, match="not both"):
        load_restaurant_reviews(tmp_path, download=True)
    with pytest.raises(DatasetError, match="'keep' or 'drop'"):
        load_restaurant_reviews(duplicates="some")


def test_the_data_folder_follows_the_environment(monkeypatch, tmp_path):
    assert data_folder() == tmp_path / "cache" / "deep"
    monkeypatch.delenv("QVAR_DATA")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert data_folder() == tmp_path / "qvar" / "datasets"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert data_folder() == tmp_path / "home" / ".cache" / "qvar" / "datasets"


# ---- downloads


def test_a_download_is_kept_and_not_repeated(known, site, monkeypatch, cache):
    origins(monkeypatch, (site.put("/reviews.zip", zipped(**{"readme.txt": b"hi", MEMBER: known})), MEMBER))
    data = load_restaurant_reviews(download=True)
    assert data.n_rows == 1000
    assert [path.name for path in cache.iterdir()] == ["yelp_labelled.txt"]
    assert (cache / "yelp_labelled.txt").read_bytes() == known
    assert fingerprint(load_restaurant_reviews(download=True)) == fingerprint(data)
    assert fingerprint(load_restaurant_reviews()) == fingerprint(data)
    assert site.requests == ["/reviews.zip"]


def test_the_next_place_is_tried_when_one_fails(known, site, monkeypatch):
    origins(
        monkeypatch,
        (site.url + "/missing.zip", MEMBER),
        (site.put("/wrong.txt", b"other"), None),
        (site.put("/good.txt", known), None),
    )
    assert load_restaurant_reviews(download=True).n_rows == 1000
    assert site.requests == ["/missing.zip", "/wrong.txt", "/good.txt"]


def test_a_spoilt_file_in_the_cache_is_replaced_by_a_download_and_refused_without(known, site, monkeypatch, cache):
    cache.mkdir(parents=True)
    (cache / "yelp_labelled.txt").write_bytes(known[:100])
    with pytest.raises(DatasetError, match="digest"):
        load_restaurant_reviews()
    origins(monkeypatch, (site.put("/good.txt", known), None))
    assert load_restaurant_reviews(download=True).n_rows == 1000
    assert (cache / "yelp_labelled.txt").read_bytes() == known


def test_a_download_of_unknown_digest_is_refused_or_used_with_a_warning_but_never_kept(known, site, monkeypatch, cache):
    other = known.replace(b"tab", b"TAB")
    origins(monkeypatch, (site.put("/other.txt", other), None))
    with pytest.raises(DatasetError, match=hashlib.sha256(other).hexdigest()):
        load_restaurant_reviews(download=True)
    with pytest.warns(UserWarning, match="digest"):
        assert load_restaurant_reviews(download=True, allow_unverified=True).n_rows == 1000
    assert not cache.exists()


def test_offline_the_error_names_every_place_and_what_to_do(monkeypatch, cache):
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.server_close()  # now nothing listens there
    url = f"http://127.0.0.1:{server.server_port}"
    origins(monkeypatch, (url + "/a.zip", MEMBER), (url + "/b.txt", None))
    with pytest.raises(DatasetError, match="could not be downloaded") as raised:
        load_restaurant_reviews(download=True)
    assert "/a.zip: URLError" in str(raised.value)
    assert "/b.txt: URLError" in str(raised.value)
    assert f"in {cache} by hand" in str(raised.value)


def test_a_folder_that_cannot_be_written_to_is_named(known, site, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("QVAR_DATA", str(tmp_path / "file" / "below"))
    origins(monkeypatch, (site.put("/good.txt", known), None))
    with pytest.raises(DatasetError, match="cannot keep the download"):
        load_restaurant_reviews(download=True)


def get(url, member=None, limit=10_000, **settings):
    return fetch(Origin(url, "file", member), limit_bytes=limit, **{"timeout_seconds": 5.0} | settings)


def test_a_file_cut_short_is_refused(site):
    with pytest.raises(DatasetError, match="cut short: 50 of 100 bytes"):
        get(site.put("/a", b"x" * 50, length=100))


def test_more_bytes_than_allowed_are_not_read_packed_or_not(site):
    with pytest.raises(DatasetError, match="longer than the 10,000 bytes"):
        get(site.put("/a", b"x" * 10_001))
    assert len(get(site.put("/b", b"x" * 10_000))) == 10_000
    bomb = zipped(member=b"0" * 1_000_000)
    assert len(bomb) < 10_000
    with pytest.raises(DatasetError, match="'member' is longer than the 10,000 bytes"):
        get(site.put("/c", bomb), "member")


def test_a_silent_server_and_a_slow_one_are_given_up(site, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as mute:  # takes the call and says nothing
        url = f"http://127.0.0.1:{mute.getsockname()[1]}/a"
        with pytest.raises(DatasetError, match="timed out"):
            get(url, timeout_seconds=0.2)
    monkeypatch.setattr(fetching, "_CHUNK", 10)
    with pytest.raises(DatasetError, match="not done after 0 s"):
        get(site.put("/b", b"x" * 100), deadline_seconds=0.0)


def test_what_is_no_archive_or_lacks_the_member_is_refused(site, tmp_path):
    with pytest.raises(DatasetError, match="BadZipFile"):
        get(site.put("/a", b"<html>moved</html>"), MEMBER)
    with pytest.raises(DatasetError, match="no 'sentiment"):
        get(site.put("/b", zipped(**{"../../evil": b"x"})), MEMBER)
    archive = bytearray(zipped(member=bytes(range(256)) * 20))
    archive[60:70] = b"\xff" * 10
    with pytest.raises(DatasetError, match=r"BadZipFile|error"):
        get(site.put("/c", bytes(archive)), "member")


def test_only_the_web_is_read():
    for url in ("file:///etc/hostname", "ftp://example.org/a"):
        with pytest.raises(DatasetError, match="neither an http"):
            get(url)
