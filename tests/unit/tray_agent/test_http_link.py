"""What the agent makes of the coordinator's answers to the parts of a file."""

from collections.abc import Mapping

import pytest

from shared.messages import UploadState
from tray_agent.agent.errors import NotCurrent, Refused, Unreachable
from tray_agent.coordinator_link.http_answer import Answered, Headers
from tray_agent.coordinator_link.http_link import HttpLink


class OneAnswer:
    """Answers every call with the same bytes."""

    def __init__(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self._answered = Answered(status, Headers(headers), body)

    def ask(self, method: str, path: str, headers: Mapping[str, str], body: bytes, read_s: float) -> Answered:
        return self._answered

    def disconnect(self) -> None: ...


def part_answered(status: int, body: bytes, *headers: tuple[str, str]) -> UploadState:
    link = HttpLink("http://127.0.0.1:9")
    link._transport = OneAnswer(status, body, *headers)
    return link.send_part("up-1", "tok", 0, b"data")


def test_an_upload_that_is_gone_is_offered_anew_for_its_end_may_have_been_heard() -> None:
    with pytest.raises(Unreachable, match="no such upload"):
        part_answered(404, b'{"detail": "There is no such upload; it may have been completed."}')


@pytest.mark.parametrize(("status", "error"), [(422, Refused), (410, NotCurrent), (503, Unreachable)])
def test_other_answers_mean_what_they_mean_elsewhere(status: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        part_answered(status, b"{}")


def test_a_part_at_a_wrong_place_is_told_the_right_one() -> None:
    assert part_answered(416, b"{}", ("Upload-Offset", "7")) == UploadState("up-1", 7, False)


def test_a_part_taken_tells_how_far_the_file_is() -> None:
    answer = b'{"upload": "up-1", "offset": 4, "complete": false, "partBytes": 1024}'
    assert part_answered(200, answer) == UploadState("up-1", 4, False, 1024)
    assert part_answered(200, b'{"upload": null, "offset": 4, "complete": true}').complete
