"""Requests for more memory than one may take are refused, the largest one is not."""

import pytest

from qvar.simulators.errors import EngineError
from qvar.simulators.memory import MOST_NUMBERS, check_memory


def test_eight_gibibytes_are_granted_and_one_number_more_is_not():
    check_memory(MOST_NUMBERS, "the state")
    assert MOST_NUMBERS * 8 == 8 * 2**30
    with pytest.raises(EngineError, match=r"the state would take 8\.0 GiB of memory, more than 8;"):
        check_memory(MOST_NUMBERS + 1, "the state")
