"""Calls the older interface as its workers and clients do, knowing nothing of what is behind it."""

import json
from typing import Any

from tests.fakes.wsgi_client import Answer, WsgiClient

BOUNDARY = "form-boundary"


class SeedCaller:
    def __init__(self, app: Any, address: str = "192.0.2.7") -> None:
        self.client = WsgiClient(app, address=address)

    def register(self, worker: str, **fields: Any) -> Answer:
        said = {"workerId": worker, "hostname": f"host-of-{worker}", "os": "linux", "cpuCount": 2, **fields}
        return self.client.post("/api/workers/register", said)

    def beat(self, worker: str) -> Answer:
        return self.client.post("/api/workers/heartbeat", {"workerId": worker})

    def create(self, command: str = "echo hello", **fields: Any) -> str:
        answer = self.client.post("/api/jobs/create", {"command": command, **fields})
        assert answer.status == 200, answer.body
        return str(answer.json()["jobId"])

    def get_job(self, worker: str = "") -> str | None:
        """Fetch a job; tell its alias."""
        answer = self.client.get("/api/jobs/get-job" + (f"?workerId={worker}" if worker else ""))
        assert answer.status in (200, 202), answer.body
        job = answer.json()["job"]
        return job["jobId"] if job else None

    def take(self, worker: str = "") -> str:
        alias = self.get_job(worker)
        assert alias is not None
        return alias

    def stream(self, job: str, data: str, kind: str = "stdout", **fields: Any) -> Answer:
        return self.client.post(
            "/api/jobs/stream-output", {"jobId": job, "data": data, "type": kind, **fields}
        )

    def submit(self, job: str, worker: str, stdout: str = "", stderr: str = "", code: int = 0) -> Answer:
        said = {"jobId": job, "workerId": worker, "stdout": stdout, "stderr": stderr, "exitCode": code}
        return self.client.post("/api/jobs/submit-result", said)

    def submit_failure(self, job: str, worker: str, message: str) -> Answer:
        said = {"jobId": job, "workerId": worker, "errorMessage": message}
        return self.put("/api/jobs/submit-result", said)

    def put(self, path: str, value: Any) -> Answer:
        return self.client.call("PUT", path, json.dumps(value).encode())

    def status(self, job: str) -> dict[str, Any]:
        answer = self.client.get(f"/api/jobs/status?jobId={job}")
        assert answer.status == 200, answer.body
        return dict(answer.json())

    def cancel(self, job: str) -> Answer:
        return self.client.post("/api/jobs/cancel", {"jobId": job})

    def is_cancelled(self, job: str) -> bool:
        return bool(self.client.get(f"/api/jobs/check-cancel?jobId={job}").json()["cancelRequested"])

    def worker_states(self) -> dict[str, str]:
        workers = self.client.get("/api/workers/list").json()["workers"]
        return {worker["workerId"]: worker["status"] for worker in workers}

    def execute(self, body: bytes) -> Answer:
        """POST a form and leave the answer unread: a Direct run's never ends by itself."""
        return self.client.open("POST", "/api/execute", body, {"Content-Type": form_type()})


def form_type() -> str:
    return f"multipart/form-data; boundary={BOUNDARY}"


def form(file: bytes | None = None, filename: str = "project.zip", **fields: str) -> bytes:
    """Build a multipart form."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode()
        for name, text in fields.items()
    ]
    if file is not None:
        head = f'Content-Disposition: form-data; name="file"; filename="{filename}"\r\n'
        kind = "Content-Type: application/zip\r\n\r\n"
        parts.append(f"--{BOUNDARY}\r\n{head}{kind}".encode() + file + b"\r\n")
    return b"".join([*parts, f"--{BOUNDARY}--\r\n".encode()])
