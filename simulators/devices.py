"""Devices by name: the measured noise of the CRLQAS study, and every fake backend of qiskit-ibm-runtime.

Built-in numbers were recovered from the transfer matrices published with Patel et al., arXiv 2402.03500: after each
one-qubit gate depolarizing p1 and thermal relaxation on its qubit; after each two-qubit gate depolarizing p2 and
thermal relaxation on each of its two qubits independently; idle qubits are noiseless.

Differs from the source:
- depolarizing acts before relaxation (the stored precision does not tell the order);
- matrices are built in float64 and preserve the trace exactly; the published ones are off by up to 1e-3;
- `mumbai-median` takes the upper bound 2e-4 for p1, which lies below the published precision;
- read-out errors act on outcomes; `StateFlip` gives the published variant.
"""

import difflib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qvar.simulators.channels import Channel, depolarizing, thermal_relaxation
from qvar.simulators.errors import NoiseModelError
from qvar.simulators.extras import how_to_install
from qvar.simulators.gates import GATES
from qvar.simulators.noise import NoiseModel, ReadoutError

__all__ = ["DEVICES", "DeviceNumbers", "device", "fake_backend", "fake_backend_names"]

_SOURCE = "Patel et al., ICLR 2024, arXiv 2402.03500"


@dataclass(frozen=True)
class DeviceNumbers:
    """The numbers of a built-in device; tuples hold one entry per qubit, or a single one valid for all.

    Attributes:
        title: what the numbers describe.
        one_qubit: (t/T1, t/T2) of a one-qubit gate, per qubit.
        two_qubit: (t/T1, t/T2) of a two-qubit gate, per qubit.
        excited_population: equilibrium population of |1>.
        p1: depolarizing probability after a one-qubit gate.
        p2: depolarizing probability on each qubit after a two-qubit gate.
        readout: symmetric read-out error, per qubit.
        edges: coupled pairs, None for all-to-all.
    """

    title: str
    one_qubit: tuple[tuple[float, float], ...]
    two_qubit: tuple[tuple[float, float], ...]
    excited_population: float
    p1: float
    p2: float
    readout: tuple[float, ...]
    edges: tuple[tuple[int, int], ...] | None = None

    @property
    def n_qubits(self) -> int | None:
        """Number of qubits, None if the device is the same everywhere and may have any number."""
        return len(self.readout) if len(self.readout) > 1 else None

    def noise_model(self, name: str) -> NoiseModel:
        """Return the noise model these numbers describe."""
        before = depolarizing(self.p1), depolarizing(self.p2)
        one, two = (
            [step.then(thermal_relaxation(a, b, excited_population=self.excited_population)) for a, b in taus]
            for step, taus in zip(before, (self.one_qubit, self.two_qubit), strict=True)
        )
        readout = [ReadoutError(p, p) for p in self.readout]
        if self.n_qubits is None:
            uniform = NoiseModel.from_channels(one[0], two[0].tensor(two[0]))
            default = {**uniform.default, "id": depolarizing(0.0)}
            return NoiseModel(name, default=default, default_readout=readout[0], source=_SOURCE)
        qubits = range(self.n_qubits)
        gates = [gate for gate in GATES.values() if gate.name != "id"]
        local: dict[tuple[str, tuple[int, ...]], Channel] = {
            (gate.name, (q,)): one[q] for gate in gates if gate.n_qubits == 1 for q in qubits
        }
        joint = {(a, b): two[a].tensor(two[b]) for a in qubits for b in qubits if a != b}
        local |= {(gate.name, pair): c for gate in gates if gate.n_qubits == 2 for pair, c in joint.items()}
        local |= {("id", (q,)): depolarizing(0.0) for q in qubits}
        coupling = None if self.edges is None else tuple(sorted(self.edges + tuple((b, a) for a, b in self.edges)))
        return NoiseModel(
            name,
            local=local,
            readout=dict(enumerate(readout)),
            coupling_map=coupling,
            n_qubits=self.n_qubits,
            source=_SOURCE,
        )


_MUMBAI_ONE = ((2.862e-4, 2.093e-4),)
_NO_RELAXATION = ((0.0, 0.0),)
DEVICES: dict[str, DeviceNumbers] = {
    "mumbai-median": DeviceNumbers(
        "IBM Mumbai, median calibration",
        _MUMBAI_ONE,
        ((3.402e-3, 2.488e-3),),
        0.0758,
        2e-4,
        8.2e-3,
        (0.0224,),
    ),
    "mumbai-max": DeviceNumbers(
        "IBM Mumbai, worst calibration",
        _MUMBAI_ONE,
        ((6.048e-3, 4.423e-3),),
        0.0758,
        1.5e-3,
        2.35e-2,
        (0.0869,),
    ),
    "mumbai-10max": DeviceNumbers(
        "ten times the worst IBM Mumbai gate noise (read-out as in mumbai-max)",
        ((2.862e-3, 2.093e-3),),
        ((6.048e-2, 4.423e-2),),
        0.0758,
        1.46e-2,
        0.230,
        (0.0869,),
    ),
    "ourense": DeviceNumbers(
        "IBM Ourense, qubits 0-3 with their connectivity, relaxation and read-out",
        ((4.62e-4, 6.89e-4), (4.46e-4, 12.70e-4), (3.45e-4, 3.27e-4), (4.40e-4, 4.47e-4)),
        ((3.96e-3, 5.90e-3), (3.82e-3, 10.89e-3), (2.96e-3, 2.80e-3), (3.77e-3, 3.83e-3)),
        0.0722,
        0.0,
        0.0,
        (0.0166, 0.0239, 0.0157, 0.0394),
        edges=((0, 1), (1, 2), (1, 3)),
    ),
    "depolarizing-1q": DeviceNumbers(
        "depolarizing 1e-3 after one-qubit gates, nothing else",
        _NO_RELAXATION,
        _NO_RELAXATION,
        0.0,
        1e-3,
        0.0,
        (0.0,),
    ),
    "depolarizing-1q-2q": DeviceNumbers(
        "depolarizing 1e-3 after one-qubit gates, 5e-3 on each qubit after two-qubit gates",
        _NO_RELAXATION,
        _NO_RELAXATION,
        0.0,
        1e-3,
        5e-3,
        (0.0,),
    ),
}
"""The built-in devices by name."""


def device(name: str, *, qubits: Sequence[int] | None = None) -> NoiseModel:
    """Return a noise model by name (see `NoiseModel.named`)."""
    if name in DEVICES:
        model = DEVICES[name].noise_model(name)
        return model if qubits is None else model.on_qubits(qubits)
    if name.startswith("fake:"):
        return NoiseModel.from_backend(fake_backend(name.removeprefix("fake:")), qubits=qubits)
    if name.endswith(".json"):
        model = NoiseModel.from_json(Path(name))
        return model if qubits is None else model.on_qubits(qubits)
    close = difflib.get_close_matches(name, DEVICES, n=1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    raise NoiseModelError(
        f"unknown device {name!r}{hint}. Known are {', '.join(DEVICES)}, fake:NAME for a fake backend of "
        "qiskit-ibm-runtime (such as fake:FakeSherbrooke), or the path of a .json noise model"
    )


def fake_backend_names() -> tuple[str, ...]:
    """Return the class names of the fake backends of qiskit-ibm-runtime, sorted.

    Raises:
        NoiseModelError: if qiskit-ibm-runtime is not installed.
    """
    module = _fake_provider()
    names = (name for name in dir(module) if name.startswith("Fake") and "Provider" not in name)
    return tuple(sorted(names))


def _fake_provider() -> Any:
    try:
        from qiskit_ibm_runtime import fake_provider
    except ImportError as error:
        raise NoiseModelError(f"fake backends need qiskit-ibm-runtime; {how_to_install('ibm')}") from error
    return fake_provider


def fake_backend(name: str) -> Any:
    """Return a fake backend of qiskit-ibm-runtime by its class name, with or without the suffix V2.

    Raises:
        NoiseModelError: if there is no such backend, or qiskit-ibm-runtime is not installed.
    """
    module, names = _fake_provider(), fake_backend_names()
    for candidate in (name, f"{name}V2"):
        if candidate in names:
            with warnings.catch_warnings():  # some fake backends announce that their calibration is invented
                warnings.simplefilter("ignore", UserWarning)
                return getattr(module, candidate)()
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"; did you mean {', '.join(close)}?" if close else ""
    raise NoiseModelError(f"unknown fake backend {name!r}{hint}; `qvar devices --fake` lists all {len(names)}")
