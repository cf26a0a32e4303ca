"""Variational and kernel classifiers as scikit-learn estimators, their data, and honest comparisons."""
