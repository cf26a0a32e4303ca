"""What the tests of classifiers share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def test_data() -> Path:
    """The folder with the restaurant reviews and their sentence embeddings; not part of the repository."""
    named = os.environ.get("QVAR_TEST_DATA")
    folder = Path(named) if named else Path(__file__).parents[3] / "shared" / "data"
    if not (folder / "yelp_labelled.txt").is_file():
        pytest.skip(f"no restaurant reviews in {folder}; let QVAR_TEST_DATA name the folder that holds them")
    return folder
