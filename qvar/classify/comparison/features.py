"""The features that models read, by name: transformers that every split fits on its training part alone."""

from collections.abc import Sequence
from typing import Any

from qvar.simulators.errors import ClassifierError

__all__ = ["NUMERIC_FEATURES", "default_features", "find_features", "is_text"]

_CROSS, _FOLDS = "-cross", 5

NUMERIC_FEATURES = {
    "raw": "every column, scaled to mean 0 and deviation 1",
    "pca": "the first principal components of that, scaled again",
    "pls": "partial least squares of that with the labels, scaled again",
}
"""The features of numbers, by name."""


def is_text(X: Any) -> bool:
    """Tell whether the rows of a data set are texts."""
    return len(X) > 0 and isinstance(X[0], str)


def default_features(X: Any) -> tuple[str, ...]:
    """Return the names of the features that suit the rows: two kinds for texts, one for numbers."""
    return ("tfidf-pca", "tfidf-pls") if is_text(X) else ("raw",)


def find_features(
    names: Sequence[str], X: Any, *, n_components: int = 5, embeddings: str | None = None
) -> dict[str, Any]:
    """Return the unfitted transformers by name.

    Args:
        names: of `NUMERIC_FEATURES` for numbers, of `qvar.classify.text.text_features` for texts; there, NAME-cross of
            a kind that ends in "pls" has scores of training rows from folds that leave them out (`PLSProjection`).
        X: the rows, for what they are.
        n_components: numbers per row after the reduction.
        embeddings: an .npy file with the embedding of every text, in the order of `X`; None to compute them.

    Raises:
        ClassifierError: for names that do not suit the rows, or more components than there are columns.
    """
    if is_text(X):
        return {name: _of_texts(name, X, n_components, embeddings) for name in names}
    return {name: _numeric(name, X, n_components) for name in names}


def _of_texts(name: str, X: Any, n_components: int, embeddings: str | None) -> Any:
    from qvar.classify.text import SentenceEmbeddings, text_features

    kind = name.removesuffix(_CROSS)
    embedder = None
    if embeddings is not None and kind.startswith("embeddings"):
        embedder = SentenceEmbeddings(vectors=embeddings, texts=X)
    cross_fit = _FOLDS if kind != name else None
    return text_features(kind, n_components, scaling="standard", cross_fit=cross_fit, embedder=embedder)


def _numeric(name: str, X: Any, n_components: int) -> Any:
    from sklearn.decomposition import PCA
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from qvar.classify.projection import PLSProjection

    if name not in NUMERIC_FEATURES:
        raise ClassifierError(f"unknown features {name!r} of numbers; there are {', '.join(NUMERIC_FEATURES)}")
    if name == "raw":
        return make_pipeline(StandardScaler())
    if not 1 <= n_components <= X.shape[1]:
        raise ClassifierError(
            f"{name} needs 1 to {X.shape[1]} components, as many as the data has columns, got {n_components}; "
            "take fewer, or the features raw"
        )
    reduce = PCA(n_components, random_state=0) if name == "pca" else PLSProjection(n_components)
    return make_pipeline(StandardScaler(), reduce, StandardScaler())
