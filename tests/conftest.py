"""What holds for all tests.

No test, and no program that a test starts, sees the IBM Quantum token or the budget of whoever runs the tests. No test
depends on how fast the machine is.
"""

import os

from hypothesis import settings

settings.register_profile("qvar", deadline=None)


def pytest_configure():
    settings.load_profile("qvar")
    for name in [*os.environ]:
        if name.startswith(("QISKIT_IBM_", "QVAR_HARDWARE_")):
            del os.environ[name]
