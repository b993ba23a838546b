"""Calls on their way: what a repeat carries."""

from shared.messages import Result
from shared.vocabulary import ResultOutcome
from tests.builders import an_exchange
from tray_agent.agent.errors import Unreachable
from tray_agent.agent.events import Call
from tray_agent.agent.lanes import Lanes
from tray_agent.agent.states import Lane

RESULT = Result("job-1", 2, "tok", ResultOutcome.FAILED, 3, "", 10, (), 1.5, 0.5)
CALL = Call(Lane.NEWS, an_exchange(), (RESULT,))


class Sent:
    """Notes the calls that would be made."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def send(self, call: Call) -> None:
        self.calls.append(call)

    def replace(self, lane: Lane) -> None: ...
    def disconnect(self) -> None: ...


def test_a_call_that_hung_takes_its_results_to_the_disk_when_it_is_repeated() -> None:
    sent = Sent()
    lanes = Lanes(sent)
    lanes.send(CALL, 0.0)
    lanes.replace_hanging(1000.0)
    lanes.repeat(Lane.NEWS, 2000.0)
    assert [call.spool for call in sent.calls] == [(RESULT,), (RESULT,)]


def test_a_call_that_came_back_has_put_its_results_on_the_disk_already() -> None:
    sent = Sent()
    lanes = Lanes(sent)
    lanes.send(CALL, 0.0)
    state = lanes.failed(CALL)
    assert state is not None
    lanes.pause(state, 1.0, Unreachable("the cable is out"))
    lanes.repeat(Lane.NEWS, 2000.0)
    assert [call.spool for call in sent.calls] == [(RESULT,), ()]
