"""A service of IBM Quantum made for tests: it takes what the true client sends, misbehaves as told, and keeps a bill.

The job table is a file, so that several processes, and processes that are killed, see one service. What the executor
primitives encode is decoded here and run on a fake backend. A job is billed when it arrives, with all the time that
its maximum execution time allows: the worst that an honest service can do.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import signal
import warnings
from pathlib import Path

from qiskit_ibm_runtime import IBMBackend
from qiskit_ibm_runtime.decoders.defaults import DEFAULT_DECODERS
from qiskit_ibm_runtime.exceptions import IBMRuntimeError
from qiskit_ibm_runtime.fake_provider import FakeManilaV2
from qiskit_ibm_runtime.fake_provider.executor.run_quantum_program import run_quantum_program
from qiskit_ibm_runtime.options_models.simulator import SimulatorOptions
from qiskit_ibm_runtime.quantum_program.params_converters import QUANTUM_PROGRAM_PARAMS_CONVERTERS

CRN = "crn:v1:scripted"
TOKEN = "tHisIsNotARealToken0123456789abcdefghijklmno"


class Status:
    operational, status_msg, pending_jobs = True, "active", 3


class ScriptedBackend(IBMBackend):
    def __init__(self, service, name="ibm_scripted"):
        fake = FakeManilaV2()
        super().__init__(configuration=fake.configuration(), service=service, api_client=None, instance=CRN)
        self.name = name
        self._fake = fake

    @property
    def target(self):
        return self._fake.target

    def properties(self, refresh=False, datetime=None):
        return self._fake.properties()

    def status(self):
        return Status()

    def _convert_to_target(self, refresh=False):
        return None


class ScriptedService:
    """Args:
    folder: of the job table.
    script: what happens at the n-th attempt to submit, over all processes: "refuse" (503, no job), "reject" (400),
        "lose" (a job, but the client gets a 504), "late-job" (as "lose", but only the third look-up shows the job),
        "interrupt" (a job, and Ctrl-C), "fail" (the job fails), "too-long" (it is stopped), "cancel" (it ends as
        cancelled), "expire" (no result any more), "remark" (a warning with the result), "late" (no usage figure yet),
        "overcharge" (bills ten times its maximum), "token" (an error that quotes the token).
    polls: how often a job is asked for before it is done.
    flaky: every n-th question is answered with a 502; 0 for none.
    kill_at: kill this process at the n-th of the moments that `moment` marks; None never.
    """

    is_local = False
    channel = "ibm_quantum_platform"

    def __init__(self, folder, *, script=None, polls=1, flaky=0, plan="paid", kill_at=None):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.script, self.polls, self.flaky, self.plan = script or {}, polls, flaky, plan
        self.kill_at, self.moments, self.questions = kill_at, 0, 0
        self._backend = ScriptedBackend(self)

    # --- the table ---

    @contextlib.contextmanager
    def table(self):
        path = self.folder / "jobs.json"
        with (self.folder / "lock").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            content = json.loads(path.read_text()) if path.exists() else {"attempts": 0, "jobs": {}}
            yield content
            new = self.folder / f"jobs.{os.getpid()}.new"
            new.write_text(json.dumps(content))
            new.replace(path)

    def read(self):
        with self.table() as content:
            return content

    @property
    def billed(self):
        return sum(job["billed"] for job in self.read()["jobs"].values())

    @property
    def inputs_seen(self):
        """Hashes of what was submitted, in order."""
        return [job["hash"] for job in self.read()["jobs"].values()]

    def moment(self):
        """Mark a moment at which a test may want to kill."""
        self.moments += 1
        if self.kill_at is not None and self.moments == self.kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def question(self):
        self.questions += 1
        if self.flaky and self.questions % self.flaky == 0:
            raise IBMRuntimeError("Failed to get job status: 502 Bad Gateway")

    # --- what the client calls ---

    def backend(self, name, **_):
        if name != self._backend.name:
            raise IBMRuntimeError(f"No backend matches the criteria {name}.")
        return self._backend

    def backends(self, **_):
        return [self._backend]

    def instances(self):
        return [{"crn": CRN, "plan": self.plan, "name": "scripted"}]

    def _run(self, program_id, inputs, options=None, calibration_id=None, dry_run=False, **_):
        assert program_id == "executor"
        assert not dry_run
        self.moment()
        with self.table() as content:
            what = self.script.get(content["attempts"])
            content["attempts"] += 1
            if what not in ("refuse", "reject", "token"):
                job_id = f"job{len(content['jobs'])}"
                self._accept(content, job_id, inputs, options, what)
        self.moment()
        if what == "interrupt":
            raise KeyboardInterrupt
        if what == "refuse":
            raise IBMRuntimeError("Failed to run program: 503 Service Unavailable")
        if what == "reject":
            raise IBMRuntimeError("Failed to run program: 400 Client Error: the circuit is not valid")
        if what == "token":
            raise IBMRuntimeError(f"401 Client Error: Authorization: apikey {TOKEN} was not accepted")
        if what in ("lose", "late-job"):
            raise IBMRuntimeError("Failed to run program: 504 Gateway Time-out")
        return ScriptedJob(self, job_id)

    def _accept(self, content, job_id, inputs, options, what):
        most = options["max_execution_time"]
        text = json.dumps(inputs, sort_keys=True)
        (self.folder / f"{job_id}.inputs").write_text(text)
        content["jobs"][job_id] = {
            "tags": options["job_tags"],
            "max_execution_time": most,
            "billed": {"overcharge": 10 * most, "fail": 1}.get(what, most),
            "what": what,
            "polls": 0,
            "hidden": 2 if what == "late-job" else 0,
            "state": "QUEUED",
            "hash": hashlib.sha256(text.encode()).hexdigest(),
        }

    def job(self, job_id):
        self.question()
        if job_id not in self.read()["jobs"]:
            raise IBMRuntimeError(f"Job not found: 404 {job_id}")
        return ScriptedJob(self, job_id)

    def jobs(self, limit=10, job_tags=None, instance=None, descending=True, **_):
        self.question()
        assert instance == CRN
        found = []
        with self.table() as content:
            for job_id, job in content["jobs"].items():
                if set(job_tags) <= set(job["tags"]):
                    job["hidden"] -= 1
                    found += [] if job["hidden"] >= 0 else [ScriptedJob(self, job_id)]
        return found[::-1] if descending else found


class ScriptedJob:
    def __init__(self, service, job_id):
        self.service, self._id = service, job_id

    def job_id(self):
        return self._id

    def status(self):
        self.service.question()
        self.service.moment()
        with self.service.table() as content:
            job = content["jobs"][self._id]
            job["polls"] += 1
            if job["state"] == "QUEUED" and job["polls"] > self.service.polls:
                job["state"] = {"fail": "ERROR", "too-long": "ERROR", "cancel": "CANCELLED"}.get(job["what"], "DONE")
            return job["state"]

    def cancel(self):
        with self.service.table() as content:
            content["jobs"][self._id]["state"] = "CANCELLED"

    def error_message(self):
        if self.service.read()["jobs"][self._id]["what"] == "too-long":
            return f"Job {self._id} ran longer than maximum execution time. Job was cancelled"
        return f"the device broke down; the request was signed with {TOKEN}"

    def metrics(self):
        job = self.service.read()["jobs"][self._id]
        status = "pending" if job["what"] == "late" else "complete"
        return {"usage": {"status": status, "qpu_charge_time_seconds": job["billed"]}}

    def result(self):
        self.service.question()
        self.service.moment()
        if self.service.read()["jobs"][self._id]["what"] == "expire":
            return None
        if self.service.read()["jobs"][self._id]["what"] == "remark":
            warnings.warn("the errors are not finite", UserWarning, stacklevel=2)
        inputs = json.loads((self.service.folder / f"{self._id}.inputs").read_text())
        converter = QUANTUM_PROGRAM_PARAMS_CONVERTERS["v2.0"]
        program, _ = converter.decoder(converter.model.model_validate(inputs))
        for item in program.items:
            if hasattr(item, "samplex"):
                item.samplex.finalize()
        seed = SimulatorOptions(seed_simulator=int(self._id.removeprefix("job")))
        result = run_quantum_program(self.service._backend._fake, program, seed)
        for decoder in DEFAULT_DECODERS["executor"]:
            result = decoder.decode(result) if decoder.is_applicable(result) else result
        return result
