"""No test, and no program that a test starts, sees the IBM Quantum token or the budget of whoever runs the tests."""

import os


def pytest_configure():
    for name in [*os.environ]:
        if name.startswith(("QISKIT_IBM_", "QVAR_HARDWARE_")):
            del os.environ[name]
