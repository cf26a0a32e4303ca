"""The commands of `qvar device`."""
