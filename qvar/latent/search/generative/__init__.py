"""Searches that make circuits instead of choosing from a pool: decoded from a latent space, mutated, or drawn."""
