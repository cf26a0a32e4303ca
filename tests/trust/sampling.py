"""A plug-in of pytest that runs every n-th of the tests found: `-p tests.trust.sampling --every 6`."""


def pytest_addoption(parser):
    parser.addoption("--every", type=int, default=1, help="run every n-th test only")


def pytest_collection_modifyitems(config, items):
    items[:] = items[:: config.getoption("every")]
