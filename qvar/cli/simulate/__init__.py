"""`qvar vqe`, `qvar prune`, `qvar energy` and `qvar compile`."""
