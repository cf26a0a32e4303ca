"""Clean short texts: lower case, letters only, no stop words but the negations, word stems."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from qvar.simulators.errors import DatasetError

__all__ = ["NEGATIONS", "TextCleaner", "texts_of"]

NEGATIONS = frozenset(
    {
        "cannot",
        "cant",
        "couldnt",
        "hasnt",
        "neither",
        "never",
        "no",
        "nobody",
        "none",
        "noone",
        "nor",
        "not",
        "nothing",
        "nowhere",
        "without",
    }
)
"""Words of scikit-learn's stop list that turn the sense of a sentence: they stay."""

_STOP_WORDS = ENGLISH_STOP_WORDS - NEGATIONS


class TextCleaner(TransformerMixin, BaseEstimator):
    """Turn texts into words parted by single spaces. It learns nothing, so no row can tell of another.

    Apostrophes vanish ("don't" becomes "dont"), everything else that is no letter of a to z parts words.

    Args:
        stop_words: whether to drop scikit-learn's English stop words, save `NEGATIONS`.
        stem: whether to cut words to their Porter stems ("loved" and "loving" become "love").

    Example:
        >>> TextCleaner().fit_transform(["Wow... Loved this place!", "It wasn't good."]).tolist()
        ['wow love place', 'wasnt good']

    Source: M. F. Porter, An algorithm for suffix stripping, Program 14, 130-137 (1980), by snowballstemmer.
    """

    def __init__(self, *, stop_words: bool = True, stem: bool = True) -> None:
        self.stop_words = stop_words
        self.stem = stem

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002
        """Check that the rows are texts.

        Args:
            X: texts, of shape (n_rows,).
            y: not used.
        """
        texts_of(X)
        return self

    def transform(self, X: Any) -> NDArray[Any]:
        """Return the cleaned texts, an object array of shape (n_rows,); a text may become empty."""
        return np.array([self._clean(text) for text in texts_of(X)], dtype=object)

    def _clean(self, text: str) -> str:
        words: Iterable[str] = re.sub("[^a-z]+", " ", re.sub("['\u2019]", "", text.lower())).split()
        if self.stop_words:
            words = (word for word in words if word not in _STOP_WORDS)
        return " ".join(map(_stem, words) if self.stem else words)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.two_d_array = True, False
        tags.requires_fit = False
        return tags


def texts_of(X: Any) -> list[str]:
    """Return the texts of a list, array or column.

    Raises:
        DatasetError: for anything but a one-dimensional collection of strings.
    """
    texts = [X] if isinstance(X, str) or not isinstance(X, Iterable) else list(X)
    wrong = next((text for text in texts if not isinstance(text, str)), None)
    if isinstance(X, str) or wrong is not None:
        what = f"one text, {X[:40]!r}" if isinstance(X, str) else f"{type(wrong).__name__} among the rows"
        raise DatasetError(f"texts are given as a list or one-dimensional array of strings, got {what}")
    return texts


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    import snowballstemmer

    # A stemmer keeps its place in the word: one for each call, so that threads cannot meet in it.
    return str(snowballstemmer.stemmer("porter").stemWord(word))
