"""PennyLane: its devices as engines, `qvar.ptm` as one of them, circuits from and to it; all of it loads PennyLane."""
