"""Sentence embeddings as features: looked up in a file, or computed by sentence-transformers where installed."""

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from qvar.classify.cleaning import texts_of
from qvar.simulators.errors import DatasetError
from qvar.simulators.extras import how_to_install
from qvar.simulators.untrusted import UNREADABLE

__all__ = ["SentenceEmbeddings", "encode_sentences"]

MODEL = "all-MiniLM-L6-v2"


class SentenceEmbeddings(TransformerMixin, BaseEstimator):
    """Turn texts into vectors. The vectors depend on the single text only: nothing is learned from the rows.

    Args:
        vectors: an array of shape (n_texts, n_features) or the path of an .npy file with one; None to encode each
            text by the model. Encode once with `encode_sentences` if the same texts come again and again.
        texts: the texts that the vectors belong to, in order; needed with `vectors` and only then.
        model: name or folder of a sentence-transformers model; not used with `vectors`.

    Example:
        >>> known = SentenceEmbeddings(vectors=np.eye(2), texts=["good", "bad"])
        >>> known.fit_transform(["bad"])
        array([[0., 1.]])

    Source: N. Reimers, I. Gurevych, Sentence-BERT, EMNLP 2019, arXiv 1908.10084.
    """

    def __init__(
        self,
        *,
        vectors: ArrayLike | str | os.PathLike[str] | None = None,
        texts: Sequence[str] | NDArray[Any] | None = None,
        model: str = MODEL,
    ) -> None:
        self.vectors = vectors
        self.texts = texts
        self.model = model

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002
        """Read the vectors, or make sure that the model is there.

        Args:
            X: texts, of shape (n_rows,); only checked to be texts.
            y: not used.

        Raises:
            DatasetError: if vectors and texts do not fit each other, or the model cannot be had.
        """
        texts_of(X)
        if (self.vectors is None) != (self.texts is None):
            raise DatasetError("give vectors together with the texts they belong to, or neither to encode by the model")
        if self.vectors is None:
            self.n_features_out_ = encode_sentences([""], model=self.model).shape[1]
            return self
        self.vectors_ = _read(self.vectors)
        texts = texts_of(self.texts)
        if len(texts) != len(self.vectors_):
            raise DatasetError(f"{len(self.vectors_)} vectors do not belong to {len(texts)} texts; give one a text")
        self.rows_ = {text.strip(): row for row, text in reversed(list(enumerate(texts)))}
        self.n_features_out_ = self.vectors_.shape[1]
        return self

    def transform(self, X: Any) -> NDArray[np.float64]:
        """Return one vector a text, of shape (n_rows, n_features).

        Raises:
            DatasetError: for a text that has no vector.
        """
        check_is_fitted(self, "n_features_out_")
        texts = texts_of(X)
        if self.vectors is None:
            return encode_sentences(texts, model=self.model)
        missing = [text for text in texts if text.strip() not in self.rows_]
        if missing:
            raise DatasetError(
                f"{len(missing)} text(s) have no vector, {missing[0][:60]!r} for one; texts and vectors must be of the "
                "same set, or leave vectors out to encode by the model"
            )
        found: NDArray[np.float64] = self.vectors_[[self.rows_[text.strip()] for text in texts]]
        return found

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.two_d_array = True, False
        return tags


def encode_sentences(texts: Sequence[str] | NDArray[Any], *, model: str = MODEL) -> NDArray[np.float64]:
    """Return one vector of unit length a text, by a sentence-transformers model.

    Args:
        texts: n texts.
        model: name or folder of the model. A name is downloaded by sentence-transformers unless it has it.

    Returns:
        Vectors of shape (n, n_features); keep them with `np.save` for `SentenceEmbeddings(vectors=path, texts=texts)`.

    Raises:
        DatasetError: if sentence-transformers is not installed or the model cannot be had.
    """
    vectors = _model(model).encode(texts_of(texts), normalize_embeddings=True, show_progress_bar=False)
    return np.asarray(vectors, dtype=np.float64)


@lru_cache(maxsize=2)
def _model(name: str) -> Any:
    try:
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise DatasetError(
            "encoding sentences needs sentence-transformers; give vectors that were computed before, with their texts, "
            f"or {how_to_install('embeddings')}"
        ) from error
    try:
        return SentenceTransformer(name)
    except (OSError, ValueError) as error:
        raise DatasetError(f"the sentence-transformers model {name!r} cannot be had: {error}") from error


def _read(vectors: Any) -> NDArray[np.float64]:
    if isinstance(vectors, str | os.PathLike):
        try:
            vectors = np.load(Path(vectors), allow_pickle=False)
        except UNREADABLE as error:
            raise DatasetError(f"{vectors} is not a readable .npy file of numbers: {error}") from error
    array = np.asarray(vectors, dtype=np.float64)
    if array.ndim != 2 or not np.isfinite(array).all():
        raise DatasetError(f"vectors must be finite numbers of shape (n_texts, n_features), got shape {array.shape}")
    return array
