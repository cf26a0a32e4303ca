"""Problems: an observable whose lowest energy is sought, with its exact answer and where it came from.

Seven molecules are shipped (`tasks`, `molecule`); `molecule_from_geometry` makes any other one that fits, and
`Problem.from_observable` takes any Hermitian observable. Chemistry packages load at the first call that needs
them.
"""

from qvar.problems.chemistry import molecule_from_geometry
from qvar.problems.molecules import molecule, tasks
from qvar.problems.problem import Problem

__all__ = ["Problem", "molecule", "molecule_from_geometry", "tasks"]
