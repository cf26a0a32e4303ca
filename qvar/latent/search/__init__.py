"""Searches in a latent space of circuits, and their comparison at equal budgets."""
