"""The family of variational auto-encoders, on ordinary arrays and as latent models of circuits."""
