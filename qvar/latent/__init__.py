"""Latent architecture search: an unsupervised representation of circuits, and search in it.

Circuits are drawn without labels, a graph auto-encoder learns to represent them, and one representation then serves
many tasks (Sun, Wu, Ma and Tresp, arXiv 2401.11576).
"""
