"""The commands of `qvar latent`."""
