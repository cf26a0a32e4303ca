"""`qvar compare`."""
