"""Qiskit Aer as an engine."""
