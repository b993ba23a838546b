"""Output parts, files and projects: what is too large for an exchange."""

import hashlib

from shared.messages import Lease
from tests.builders import a_registration, a_result, an_exchange, out, ref_of
from tests.web.agent_api.conftest import AgentOffice


def _leased(web: AgentOffice) -> Lease:
    web.register()
    web.submit()
    [lease] = web.exchange(an_exchange(1)).leases
    return lease


def _proof(lease: Lease) -> dict[str, str]:
    return {"Authorization": f"Attempt {lease.token}"}


def _log(lease: Lease, offset: int) -> str:
    return f"/api/v1/agent/attempts/{lease.job}/{lease.attempt}/log?offset={offset}"


def _declare(web: AgentOffice, lease: Lease, data: bytes) -> dict[str, object]:
    offer = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
    path = f"/api/v1/agent/attempts/{lease.job}/{lease.attempt}/files"
    answer = web.client.post(path, offer, _proof(lease))
    assert answer.status == 200, answer.body
    return dict(answer.json())


def _send(web: AgentOffice, lease: Lease, upload: object, offset: int, data: bytes) -> tuple[int, dict]:
    headers = {**_proof(lease), "Upload-Offset": str(offset)}
    answer = web.client.call("PATCH", f"/api/v1/agent/uploads/{upload}", data, headers)
    return answer.status, answer.headers


def test_output_goes_on_where_it_ended_and_a_repeat_changes_nothing(web: AgentOffice) -> None:
    lease = _leased(web)
    one, two = out(b"one\n"), out(b"two\n")
    for offset, data in ((0, one), (0, one), (len(one), two)):
        answer = web.client.call("PUT", _log(lease, offset), data, _proof(lease))
        assert answer.status == 200
    assert answer.json()["next"] == len(one + two)
    assert web.client.get(f"/api/v1/jobs/{lease.job}/log").body == b"one\ntwo\n"


def test_output_ahead_of_what_is_stored_is_told_the_right_place(web: AgentOffice) -> None:
    lease = _leased(web)
    answer = web.client.call("PUT", _log(lease, 500), out(b"late"), _proof(lease))
    assert (answer.status, answer.header("Upload-Offset")) == (416, "0")


def test_output_that_is_not_records_is_refused(web: AgentOffice) -> None:
    lease = _leased(web)
    assert web.client.call("PUT", _log(lease, 0), b"plain text", _proof(lease)).status == 422


def test_no_more_output_is_stored_than_the_job_may_print(web: AgentOffice) -> None:
    web.register()
    web.submit(outputLimitBytes=1000)
    [lease] = web.exchange(an_exchange(1)).leases
    far = out(b"x" * 60_000)
    assert web.client.call("PUT", _log(lease, 0), far, _proof(lease)).status == 200
    assert web.client.call("PUT", _log(lease, len(far)), far, _proof(lease)).status == 422


def test_the_token_fences_each_write(web: AgentOffice) -> None:
    lease = _leased(web)
    wrong = {"Authorization": "Attempt of-another-attempt"}
    assert web.client.call("PUT", _log(lease, 0), out(b"x"), wrong).status == 403
    assert web.client.call("PUT", _log(lease, 0), out(b"x")).status == 403
    files = f"/api/v1/agent/attempts/{lease.job}/{lease.attempt}/files"
    assert web.client.post(files, {"sha256": "0" * 64, "size": 1}, wrong).status == 403


def test_output_after_the_end_is_answered_that_the_attempt_is_over(web: AgentOffice) -> None:
    lease = _leased(web)
    web.exchange(an_exchange(2, holding=(ref_of(lease),), results=(a_result(lease),)))
    assert web.client.call("PUT", _log(lease, 0), out(b"x"), _proof(lease)).status == 410


def test_output_of_an_attempt_whose_job_goes_on_elsewhere_is_stale(web: AgentOffice) -> None:
    lease = _leased(web)
    web.exchange(an_exchange(2, ack=1))  # it no longer lists the attempt: lost
    assert web.client.call("PUT", _log(lease, 0), out(b"x"), _proof(lease)).status == 409


def test_a_file_comes_in_parts_and_goes_on_after_a_break(web: AgentOffice) -> None:
    lease = _leased(web)
    data = b"result" * 1000
    upload = _declare(web, lease, data)["upload"]
    assert _send(web, lease, upload, 0, data[:100])[0] == 200
    answer = web.client.call("HEAD", f"/api/v1/agent/uploads/{upload}", headers=_proof(lease))
    assert answer.header("Upload-Offset") == "100"
    status, headers = _send(web, lease, upload, 0, data[:100])
    assert (status, headers["upload-offset"]) == (416, "100")
    assert _send(web, lease, upload, 100, data[100:])[0] == 200
    assert _declare(web, lease, data) == {
        "upload": None,
        "offset": len(data),
        "complete": True,
        "partBytes": 8 * 1024 * 1024,
    }


def test_an_empty_file_needs_no_part(web: AgentOffice) -> None:
    assert _declare(web, _leased(web), b"")["complete"] is True


def test_a_damaged_file_is_refused_and_must_be_declared_anew(web: AgentOffice) -> None:
    lease = _leased(web)
    upload = _declare(web, lease, b"good")["upload"]
    assert _send(web, lease, upload, 0, b"evil")[0] == 422
    assert _send(web, lease, upload, 0, b"good")[0] == 404


def test_no_attempt_writes_into_the_file_of_another(web: AgentOffice) -> None:
    lease = _leased(web)
    upload = _declare(web, lease, b"mine")["upload"]
    web.register(a_registration("s2", machine_mark="mark-2"))
    web.submit()
    [other] = web.exchange(an_exchange(1, "s2")).leases
    assert _send(web, other, upload, 0, b"mine")[0] == 403


def test_a_file_larger_than_the_disk_takes_is_refused_before_its_bytes(web: AgentOffice) -> None:
    lease = _leased(web)
    web.files.full = True
    offer = {"sha256": "0" * 64, "size": 1 << 40}
    path = f"/api/v1/agent/attempts/{lease.job}/{lease.attempt}/files"
    assert web.client.post(path, {**offer, "size": 1 << 37}, _proof(lease)).status == 413
    assert web.client.post(path, {**offer, "size": 1 << 20}, _proof(lease)).status == 507
