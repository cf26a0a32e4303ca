"""`qvar report`, `qvar show`, `qvar dashboard` and `qvar log`."""
