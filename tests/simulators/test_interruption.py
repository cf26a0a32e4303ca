"""Signals end commands as they should, whatever libraries make of them."""

import os
import signal

import pytest

from qvar.simulators.interruption import exit_code, signals_caught, was_interrupted


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_raises_and_is_remembered_whatever_a_library_makes_of_it(number, code):
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells let programs in the background ignore it
    try:
        with signals_caught():
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), number)
            assert was_interrupted(SystemError("what a library has made of it"))
            assert exit_code() == code
        assert signal.getsignal(number) is signal.SIG_DFL  # the next one ends the process at once
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])
        with signals_caught():
            pass  # forgets the signal
    assert not was_interrupted(SystemError("of another kind"))
    assert exit_code() == 130, "as after Ctrl-C that came before signals were caught"
