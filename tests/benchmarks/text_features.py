"""How well plain classifiers do on each kind of text features, beside an independent measurement of the same table.

Run: python tests/benchmarks/text_features.py FOLDER [--splits N]

FOLDER holds yelp_labelled.txt and minilm_l6_1000x384.npy, the sentence embeddings of its rows in order. Stratified
splits 80/20 with seeds 0, 1, ...; everything is fitted on the training rows; features are standardized save where all
of them are kept; classifiers as scikit-learn makes them. Accuracy on the test rows, mean ± standard deviation between
splits, F1 and accuracy on the training rows. "*" marks a mean that lies more than one standard deviation from the
reference (the larger of both deviations).
"""

import os

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import argparse
import sys
from pathlib import Path

import numpy as np
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

from qvar.classify.datasets import load_restaurant_reviews
from qvar.classify.text import SentenceEmbeddings, text_features

MODELS = {
    "SVM": lambda seed: SVC(),
    "GB": lambda seed: GradientBoostingClassifier(random_state=seed),
    "RF": lambda seed: RandomForestClassifier(random_state=seed),
    "LR": lambda seed: LogisticRegression(),
}

REFERENCE = {
    "counts-pca": {"SVM": (0.621, 0.030), "GB": (0.657, 0.029), "RF": (0.673, 0.035), "LR": (0.640, 0.024)},
    "tfidf-pca": {"SVM": (0.641, 0.025), "GB": (0.644, 0.020), "RF": (0.658, 0.032), "LR": (0.648, 0.043)},
    "tfidf-svd": {"SVM": (0.648, 0.033), "GB": (0.643, 0.024), "RF": (0.639, 0.021), "LR": (0.642, 0.038)},
    "chi2-words": {"SVM": (0.637, 0.033), "RF": (0.618, 0.030), "LR": (0.636, 0.033)},
    "chi2-pca": {"SVM": (0.718, 0.035), "RF": (0.758, 0.028), "LR": (0.738, 0.037)},
    "chi2-pca, 200 words": {"SVM": (0.712, 0.044), "RF": (0.762, 0.034), "LR": (0.730, 0.044)},
    "tfidf-pls": {"SVM": (0.790, 0.024), "GB": (0.820, 0.025), "RF": (0.818, 0.027), "LR": (0.786, 0.024)},
    "tfidf-pls, 1 component": {"SVM": (0.817, 0.017), "LR": (0.817, 0.017)},
    "embeddings-pca": {"SVM": (0.864, 0.021), "GB": (0.844, 0.019), "RF": (0.843, 0.026), "LR": (0.853, 0.021)},
    "embeddings-pls": {"SVM": (0.883, 0.020), "GB": (0.886, 0.021), "RF": (0.882, 0.017), "LR": (0.880, 0.021)},
    "tfidf": {"SVM": (0.828, 0.022), "GB": (0.784, 0.022), "RF": (0.800, 0.028), "LR": (0.834, 0.026)},
    "tfidf, 1-2 grams": {"SVM": (0.838, 0.022), "LR": (0.839, 0.024)},
    "embeddings": {"SVM": (0.905, 0.021), "LR": (0.894, 0.019)},
}
"""Accuracy and its standard deviation over 10 splits, by another program with another stemmer."""

ROWS = {
    "counts-pca": lambda embedder: text_features("counts-pca", scaling="standard"),
    "tfidf-pca": lambda embedder: text_features("tfidf-pca", scaling="standard"),
    "tfidf-svd": lambda embedder: text_features("tfidf-svd", scaling="standard"),
    "chi2-words": lambda embedder: text_features("chi2-words", scaling="standard"),
    "chi2-pca": lambda embedder: text_features("chi2-pca", scaling="standard"),
    "chi2-pca, 200 words": lambda embedder: text_features("chi2-pca", n_words=200, scaling="standard"),
    "tfidf-pls": lambda embedder: text_features("tfidf-pls", scaling="standard"),
    "tfidf-pls, cross_fit=5": lambda embedder: text_features("tfidf-pls", cross_fit=5, scaling="standard"),
    "tfidf-pls, 1 component": lambda embedder: text_features("tfidf-pls", 1, scaling="standard"),
    "tfidf-pls, 1 component, cross_fit=5": lambda embedder: text_features(
        "tfidf-pls", 1, cross_fit=5, scaling="standard"
    ),
    "embeddings-pca": lambda embedder: text_features("embeddings-pca", embedder=embedder, scaling="standard"),
    "embeddings-pls": lambda embedder: text_features("embeddings-pls", embedder=embedder, scaling="standard"),
    "embeddings-pls, cross_fit=5": lambda embedder: text_features(
        "embeddings-pls", embedder=embedder, cross_fit=5, scaling="standard"
    ),
    "tfidf": lambda embedder: text_features("tfidf", scaling=None),
    "tfidf, 1-2 grams": lambda embedder: text_features("tfidf", scaling=None).set_params(vectorize__ngram_range=(1, 2)),
    "embeddings": lambda embedder: text_features("embeddings", embedder=embedder, scaling=None),
}


def measure(data, make, models, n_splits):
    """Return accuracy, F1 and training accuracy of each model, an array of shape (n_splits, 3)."""
    found = {model: [] for model in models}
    for seed in range(n_splits):
        X_train, X_test, y_train, y_test = train_test_split(
            data.X, data.y, test_size=0.2, stratify=data.y, random_state=seed
        )
        features = make()
        train, test = features.fit_transform(X_train, y_train), features.transform(X_test)
        for model in models:
            fitted = MODELS[model](seed).fit(train, y_train)
            f1 = f1_score(y_test, fitted.predict(test))
            found[model].append((fitted.score(test, y_test), f1, fitted.score(train, y_train)))
    return {model: np.array(values) for model, values in found.items()}


def cell(values, reference):
    accuracy, f1, train = values.mean(axis=0)
    deviation = values[:, 0].std()
    text = f"{accuracy:.3f}±{deviation:.3f} / {f1:.3f} ({train:.2f})"
    if reference is None:
        return text
    mark = "*" if abs(accuracy - reference[0]) > max(deviation, reference[1]) else ""
    return f"{text} [{reference[0]:.3f}]{mark}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--splits", type=int, default=10)
    arguments = parser.parse_args()
    data = load_restaurant_reviews(arguments.folder)
    embedder = SentenceEmbeddings(vectors=np.load(arguments.folder / "minilm_l6_1000x384.npy"), texts=data.X)
    lines = ["| features | " + " | ".join(MODELS) + " |", "| --- " * (1 + len(MODELS)) + "|"]
    for name, make in ROWS.items():
        reference = REFERENCE.get(name, {})
        models = [model for model in MODELS if model in reference or not reference]
        found = measure(data, lambda make=make: make(embedder), models, arguments.splits)
        cells = [cell(found[model], reference.get(model)) if model in found else "-" for model in MODELS]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
        sys.stderr.write(f"{name}: done\n")
    sys.stdout.write("accuracy / F1 (training accuracy) [reference accuracy]\n\n" + "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
