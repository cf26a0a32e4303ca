"""Registration: the ids under which `gymnasium.make` finds the environments."""

import gymnasium

__all__ = ["ENVIRONMENT_IDS", "register_environments"]

_ENVIRONMENT = "qvar.envs.environment:ArchitectureSearchEnv"
_PROBE = "qvar.envs.probes:make_probe"

# name of the id -> key of the molecule and gate limit (Patel et al., arXiv 2402.03500)
_TASKS: dict[str, tuple[str, int]] = {
    "H2": ("h2-4", 40),
    "H2-2": ("h2-2", 40),
    "H2-3": ("h2-3", 40),
    "H2-4": ("h2-4", 40),
    "LiH-4": ("lih-4", 40),
    "LiH-6": ("lih-6", 70),
    "H2O-8": ("h2o-8", 250),
    "H2O-8-Bohr": ("h2o-8-bohr", 250),
}

_PROBE_KEYS = {
    "Probe-AlreadySolved": "already-solved",
    "Probe-Bell": "bell",
    "Probe-SingleRotation": "single-rotation",
    "Probe-TwoRotations": "two-rotations",
    "Probe-Unreachable": "unreachable",
}

ENVIRONMENT_IDS = tuple(f"qvar/{name}-v0" for name in ("ArchitectureSearch", *_TASKS, *_PROBE_KEYS))
"""Every registered id; `qvar/ArchitectureSearch-v0` needs `problem=...`, the others need nothing."""


def register_environments() -> None:
    """Register every id that is not registered yet."""
    _register("ArchitectureSearch", _ENVIRONMENT, {})
    for name, (key, max_gates) in _TASKS.items():
        _register(name, _ENVIRONMENT, {"problem": key, "max_gates": max_gates})
    for name, key in _PROBE_KEYS.items():
        _register(name, _PROBE, {"key": key})


def _register(name: str, entry_point: str, settings: dict[str, str | int]) -> None:
    identifier = f"qvar/{name}-v0"
    if identifier not in gymnasium.registry:
        gymnasium.register(id=identifier, entry_point=entry_point, kwargs=settings)
