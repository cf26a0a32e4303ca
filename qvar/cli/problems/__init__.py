"""`qvar molecule` and `qvar maxcut`."""
