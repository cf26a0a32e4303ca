"""Quantum hardware: circuits on IBM devices and their fakes, never dearer than allowed and never paid for twice."""
