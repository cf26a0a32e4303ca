"""Runs works in forked children: imports are paid once, and a child can be killed at any moment.

Reads a list of works per line, as JSON, and answers with their exit codes and outputs.
"""

import json
import os
import signal
import sys
import tempfile
import threading
import warnings
from pathlib import Path


def main():
    # everything a child needs, imported but not yet used: no threads exist when it forks
    import qiskit_aer  # noqa: F401
    import qiskit_ibm_runtime.executor_estimator
    import qiskit_ibm_runtime.executor_sampler  # noqa: F401

    from tests.hardware import work

    for line in sys.stdin:
        outputs = []
        children = []
        for task in json.loads(line):
            file = Path(tempfile.mkstemp()[1])
            child = os.fork()
            if child == 0:
                _work(work.energies, task, file)
            if "kill_after" in task:
                threading.Timer(task["kill_after"], os.kill, (child, signal.SIGKILL)).start()
            children.append((child, file))
        for child, file in children:
            code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            outputs.append((code, json.loads(file.read_text() or "null")))
            file.unlink()
        print(json.dumps(outputs), flush=True)  # noqa: T201


def _work(function, task, file):
    warnings.simplefilter("ignore")
    try:
        output = function(task)
    except Exception as error:
        output = {"error": f"{type(error).__name__}: {error}"}
    file.write_text(json.dumps(output))
    os._exit(0)


if __name__ == "__main__":
    main()
