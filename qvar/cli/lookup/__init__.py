"""`qvar tasks`, `qvar devices` and `qvar presets`."""
