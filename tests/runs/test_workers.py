"""Work in processes beside this one."""

import os
import signal

from qvar.runs.workers import workers


def is_there(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_worker_processes_end_with_their_work():
    with workers(2) as work:
        processes = set(work(lambda _: os.getpid(), range(4)))
        assert all(is_there(process) for process in processes)
    assert os.getpid() not in processes
    assert not any(is_there(process) for process in processes)


def test_work_of_one_is_done_in_this_process():
    with workers(1) as work:
        assert set(work(lambda _: os.getpid(), range(3))) == {os.getpid()}


def test_ctrl_c_reaches_this_process_alone():
    with workers(2) as work:
        blocked = list(work(lambda _: signal.pthread_sigmask(signal.SIG_BLOCK, set()), range(4)))
    assert all(signal.SIGINT in signals for signals in blocked)
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, set())
