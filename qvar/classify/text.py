"""Features of texts: pipelines that learn vocabulary, weights and directions from the training rows alone."""

from typing import Any, Literal

from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, chi2
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, MinMaxScaler, StandardScaler

from qvar.classify.cleaning import TextCleaner
from qvar.classify.embeddings import SentenceEmbeddings, encode_sentences
from qvar.classify.projection import PLSProjection
from qvar.simulators.errors import ClassifierError

__all__ = [
    "TEXT_FEATURES",
    "PLSProjection",
    "SentenceEmbeddings",
    "TextCleaner",
    "encode_sentences",
    "text_features",
]

TEXT_FEATURES = {
    "counts-pca": "counts of the 1500 most frequent words, then PCA",
    "tfidf-pca": "tf-idf, then PCA",
    "tfidf-svd": "tf-idf, then truncated SVD (latent semantic analysis)",
    "chi2-words": "tf-idf of the words that go most with the classes (chi-squared)",
    "chi2-pca": "tf-idf of the 100 words that go most with the classes, then PCA",
    "tfidf-pls": "tf-idf, then partial least squares",
    "tfidf": "tf-idf of all words, sparse: a ceiling for the others",
    "embeddings-pca": "sentence embeddings, then PCA",
    "embeddings-pls": "sentence embeddings, then partial least squares",
    "embeddings": "sentence embeddings as they are: a ceiling",
}
"""What `text_features` makes, by name."""

Scaling = Literal["minmax", "standard"]


def text_features(
    kind: str,
    n_components: int = 5,
    *,
    scaling: Scaling | None = "minmax",
    stem: bool = True,
    n_words: int = 100,
    cross_fit: int | None = None,
    embedder: SentenceEmbeddings | None = None,
    random_state: int = 0,
) -> Pipeline:
    """Return an unfitted pipeline from texts to features; fit it, with labels, on training rows.

    Its steps are "clean", "vectorize" (or "embed"), "select", "reduce" and "scale", as far as the kind has them;
    `set_params(vectorize__ngram_range=(1, 2))` reaches what has no option here.

    Args:
        kind: a name of `TEXT_FEATURES`.
        n_components: features that come out, at least 1; not used by "tfidf" and "embeddings".
        scaling: "minmax" takes the training rows to [0, 1], as feature maps of angles want it (other rows may lie
            outside); "standard" gives mean 0 and variance 1, as classical models want it; None leaves the features. For
            the sparse "tfidf" these keep zeros: division by the maximum, or by the standard deviation.
        stem: whether words are cut to their stems; not used by embeddings.
        n_words: words that "chi2-pca" selects.
        cross_fit: folds for the scores of the training rows, for kinds that end in "pls"; see `PLSProjection`.
        embedder: what computes embeddings, for kinds that begin with "embeddings"; None for the default model.
        random_state: seed of the solvers' start and of the folds.

    Raises:
        ClassifierError: for an unknown kind or scaling, or an option that the kind cannot use.

    Example:
        >>> features = text_features("tfidf-pls", 2)
        >>> features.fit_transform(["good food", "bad food", "good place", "bad place"], [1, 0, 1, 0]).shape
        (4, 2)
    """
    if kind not in TEXT_FEATURES:
        raise ClassifierError(f"unknown text features {kind!r}; there are {', '.join(TEXT_FEATURES)}")
    source, _, reduction = kind.partition("-")
    if cross_fit is not None and reduction != "pls":
        raise ClassifierError(f"cross_fit is for tfidf-pls and embeddings-pls; {kind} has nothing to cross-fit")
    if embedder is not None and source != "embeddings":
        raise ClassifierError(f"an embedder is for kinds that begin with embeddings; {kind} counts words")
    if source == "embeddings":
        steps: list[tuple[str, Any]] = [("embed", embedder or SentenceEmbeddings())]
    else:
        counts = CountVectorizer(max_features=1500) if source == "counts" else TfidfVectorizer()
        steps = [("clean", TextCleaner(stem=stem)), ("vectorize", counts)]
    if source == "chi2":
        steps.append(("select", SelectKBest(chi2, k=n_words if reduction == "pca" else n_components)))
    if reduction == "words":
        steps.append(("dense", FunctionTransformer(_dense, accept_sparse=True)))
    elif reduction == "pca":
        solver = "full" if source == "embeddings" else "arpack"  # arpack leaves sparse rows sparse
        steps.append(("reduce", PCA(n_components, svd_solver=solver, random_state=random_state)))
    elif reduction == "svd":
        steps.append(("reduce", TruncatedSVD(n_components, algorithm="arpack", random_state=random_state)))
    elif reduction == "pls":
        steps.append(("reduce", PLSProjection(n_components, cross_fit=cross_fit, random_state=random_state)))
    if scaling is not None:
        steps.append(("scale", _scaler(scaling, is_sparse=kind == "tfidf")))
    return Pipeline(steps)


def _dense(X: Any) -> Any:
    return X.toarray()


def _scaler(scaling: str, *, is_sparse: bool) -> Any:
    if scaling == "minmax":
        return MaxAbsScaler() if is_sparse else MinMaxScaler()
    if scaling == "standard":
        return StandardScaler(with_mean=not is_sparse)
    raise ClassifierError(f"scaling must be 'minmax', 'standard' or None, got {scaling!r}")
