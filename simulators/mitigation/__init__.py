"""Zero-noise extrapolation around any engine."""
