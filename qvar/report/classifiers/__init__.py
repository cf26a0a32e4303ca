"""Reports of comparisons of classifiers."""
