"""Circuits in the gates of the device, made once and kept in the folder.

The calibration of a device changes every day, and with it the layout that the transpiler chooses. A program that is
resumed later must send the very same circuits, or its jobs would be others and be paid for again.
"""

import hashlib
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qvar.hardware.active import usable_target
from qvar.hardware.redaction import guarded
from qvar.runs.sealed import read_sealed, write_sealed
from qvar.simulators.errors import HardwareError
from qvar.simulators.locks import alone
from qvar.simulators.primitives.circuits import circuit_key

if TYPE_CHECKING:
    from qvar.hardware.run import HardwareRun

__all__ = ["Transpiler"]


class Transpiler:
    """A pass manager that remembers, for `EstimatorQNN(pass_manager=...)` and the like.

    Args:
        run: whose backend, options and folder to use.
    """

    def __init__(self, run: "HardwareRun") -> None:
        self._run = run

    def run(self, circuits: Any) -> Any:
        """Return a Qiskit circuit, or a list of them, in the gates of the backend, as first transpiled.

        Raises:
            HardwareError: if the transpiler cannot do it, or what is stored is damaged.
        """
        if isinstance(circuits, list | tuple):
            return [self._one(circuit) for circuit in circuits]
        return self._one(circuits)

    def _one(self, circuit: Any) -> Any:
        identity = self._identity(circuit)
        file = self._run.folder / "circuits" / f"{identity}.qpy"
        if not file.exists():
            with alone(self._run.folder / "locks" / f"{identity}.lock"):
                if not file.exists():  # another thread or process may have made it
                    self._write(file, circuit)
        return self._load(file, circuit)  # at first too, so that all send the very same

    def _write(self, file: Path, circuit: Any) -> None:
        from qiskit import qpy

        made = guarded(lambda: self._pass_manager().run(circuit), "transpiling the circuit")
        buffer = io.BytesIO()
        qpy.dump(made, buffer)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_sealed(file, buffer.getvalue())

    def _load(self, file: Path, circuit: Any) -> Any:
        """Read a stored circuit, with the parameters of the one that is asked for."""
        from qiskit import qpy

        try:
            (stored,) = qpy.load(io.BytesIO(read_sealed(file)))
            names = {parameter.name: parameter for parameter in circuit.parameters}
            swap = {p: names[p.name] for p in stored.parameters if p != names[p.name]}
            return stored.assign_parameters(swap) if swap else stored
        except Exception as error:  # a damaged file raises whatever its readers meet first
            raise HardwareError(f"{file} is damaged: {error!r}; remove it to transpile the circuit anew") from None

    def _identity(self, circuit: Any) -> str:
        options = self._run.options
        settings = {
            "backend": self._run.backend.name,
            "optimization_level": options.optimization_level,
            "seed_transpiler": options.seed_transpiler,
            "initial_layout": options.initial_layout,
            "registers": [(register.name, register.size) for register in circuit.cregs],
        }
        text = json.dumps(settings, sort_keys=True) + repr(circuit_key(circuit))
        return hashlib.sha256(text.encode()).hexdigest()[:24]

    def _pass_manager(self) -> Any:
        from qiskit.transpiler import generate_preset_pass_manager

        options = self._run.options
        return generate_preset_pass_manager(
            target=usable_target(self._run.backend.target),
            optimization_level=options.optimization_level,
            seed_transpiler=options.seed_transpiler,
            initial_layout=None if options.initial_layout is None else list(options.initial_layout),
        )
