"""Problems: an observable whose lowest value is sought, with its exact answer and where it came from.

| problem | made by | names for `find_problem` |
|---|---|---|
| molecules | `molecule` (shipped), `molecule_from_geometry` | "h2-4", "lih-6", ... (`tasks`) |
| spin chains | `transverse_field_ising`, `heisenberg` | "tfim-6-periodic", "heisenberg-4" |
| largest cuts | `max_cut` | "maxcut-ring-6", "maxcut-regular3-8-seed1" |
| states | `state_preparation` | "ghz-4", "w-3", "random-state-3-seed1" |
| unitaries | `unitary_compilation` | "qft-2", "toffoli", "random-unitary-2-seed1" |

`FAMILIES` lists the forms of names, and `Problem.from_observable` takes any Hermitian observable. Chemistry packages,
networkx and Qiskit load at the first call that needs them.
"""

from qvar.problems.catalogue import FAMILIES, Family, find_problem
from qvar.problems.chemistry import molecule_from_geometry
from qvar.problems.graphs import max_cut
from qvar.problems.molecules import molecule, tasks
from qvar.problems.problem import Problem
from qvar.problems.spins import heisenberg, transverse_field_ising
from qvar.problems.states import state_preparation
from qvar.problems.unitaries import unitary_compilation

__all__ = [
    "FAMILIES",
    "Family",
    "Problem",
    "find_problem",
    "heisenberg",
    "max_cut",
    "molecule",
    "molecule_from_geometry",
    "state_preparation",
    "tasks",
    "transverse_field_ising",
    "unitary_compilation",
]
