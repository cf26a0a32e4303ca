"""A plug-in of pytest that runs every n-th of the tests found: `-p tests.trust.sampling --every 6`."""

import pytest


def pytest_addoption(parser):
    parser.addoption("--every", type=int, default=1, help="run every n-th test only")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    every = config.getoption("every")
    config.hook.pytest_deselected(items=[item for position, item in enumerate(items) if position % every])
    items[:] = items[::every]
