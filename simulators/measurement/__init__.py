"""Estimating observables from shots: measured groups, shot budgets, standard errors."""
