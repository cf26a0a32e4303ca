"""`qvar search` and `qvar sweep`."""
