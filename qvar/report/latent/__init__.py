"""Reports of latent spaces and of searches in them."""
