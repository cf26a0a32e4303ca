"""The commands of `qvar hardware`."""
