"""What holds for all tests.

No test, and no program that a test starts, sees the IBM Quantum token or the budget of whoever runs the tests. No test
depends on how fast the machine is.
"""

import os

from hypothesis import settings

# Where CI is set, each test draws the same examples every time, so that only a change can break it.
settings.register_profile("qvar", deadline=None, derandomize="CI" in os.environ)


def pytest_configure():
    settings.load_profile("qvar")
    for name in [*os.environ]:
        if name.startswith(("QISKIT_IBM_", "QVAR_HARDWARE_")):
            del os.environ[name]
