"""qvar: noisy simulation, variational algorithms and quantum architecture search on a laptop.

The main path: problem -> circuit -> simulator (+ noise) -> objective -> optimizer -> search -> run record -> report.
Each arrow is one public function or class; see `qvar.problems`, `qvar.simulators`, `qvar.optimizers`, `qvar.envs`,
`qvar.search`, `qvar.runs` and `qvar.report`; `qvar.classify` goes from data to classes over the same simulators,
`qvar.latent` from circuits without labels to a space to search in.
"""

__all__ = ["__version__"]


def __getattr__(name: str) -> str:
    if name == "__version__":
        from importlib.metadata import version

        return version("qvar-toolkit")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
