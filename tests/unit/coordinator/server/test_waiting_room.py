"""Who is woken by what, and who gets a seat."""

import threading

import pytest

from coordinator.domain.notices import JobChanged, WorkAvailable, WorkerCalled
from coordinator.domain.requirements import Requirements
from coordinator.server.waiting_room import WaitingRoom
from coordinator.web import waiting as protocol
from shared.vocabulary import OperatingSystem

DEADLINE_S = 20.0
ANY = Requirements()
LINUX = Requirements(os=OperatingSystem.LINUX)
WINDOWS = Requirements(os=OperatingSystem.WINDOWS)


def everything(_: Requirements) -> bool:
    return True


def only(*kinds: Requirements):
    return lambda wanted: wanted in kinds


def rung(seat: protocol.Seat) -> bool:
    return seat.wait(0)


@pytest.fixture
def room() -> protocol.WaitingRoom:
    return WaitingRoom()


def test_one_job_wakes_the_oldest_of_those_that_would_take_it(room):
    seats = [
        room.seat_for_worker("pc-1", 1, only(WINDOWS)),
        room.seat_for_worker("pc-2", 1, only(LINUX)),
        room.seat_for_worker("pc-3", 1, only(LINUX)),
    ]
    room.publish(WorkAvailable(LINUX))
    assert [rung(seat) for seat in seats] == [False, True, False]


def test_a_second_job_wakes_another_than_the_one_that_has_yet_to_claim(room):
    first, second = (room.seat_for_worker(pc, 1, everything) for pc in ("pc-1", "pc-2"))
    room.publish(WorkAvailable(ANY))
    assert rung(first)
    room.publish(WorkAvailable(ANY))
    assert (rung(first), rung(second)) == (False, True)


def test_what_was_not_used_goes_to_the_next_and_never_back(room):
    seats = [room.seat_for_worker(f"pc-{n}", 1, everything) for n in range(3)]
    room.publish(WorkAvailable(ANY))
    for number, seat in enumerate(seats):
        assert [rung(other) for other in seats] == [n == number for n in range(3)]
        seat.pass_on()
    assert not any(rung(seat) for seat in seats)


def test_a_wake_up_that_its_call_never_heard_goes_to_another(room):
    first, second = (room.seat_for_worker(pc, 1, everything) for pc in ("pc-1", "pc-2"))
    room.publish(WorkAvailable(ANY))
    first.leave()
    assert rung(second)


def test_a_wake_up_of_a_released_call_goes_to_another(room):
    first, second = (room.seat_for_worker(pc, 1, everything) for pc in ("pc-1", "pc-2"))
    room.publish(WorkAvailable(ANY))
    room.release("pc-1", 1)
    assert not rung(first)
    first.leave()
    assert rung(second)


def test_a_used_wake_up_wakes_nobody_else(room):
    first, second = (room.seat_for_worker(pc, 1, everything) for pc in ("pc-1", "pc-2"))
    room.publish(WorkAvailable(ANY))
    assert rung(first)
    first.leave()
    assert not rung(second)


def test_work_that_comes_in_the_middle_of_a_claim_rings_again(room):
    seat = room.seat_for_worker("pc-1", 1, everything)
    room.publish(WorkAvailable(LINUX))
    assert rung(seat)
    room.publish(WorkAvailable(LINUX))
    seat.pass_on()
    assert rung(seat)


def test_of_two_kinds_of_work_the_one_left_over_is_offered_again(room):
    both = room.seat_for_worker("pc-1", 1, everything)
    linux = room.seat_for_worker("pc-2", 1, only(LINUX))
    room.publish(WorkAvailable(LINUX))
    room.publish(WorkAvailable(WINDOWS))
    assert rung(both)
    assert not rung(linux)
    both.leave()  # it took the job for Windows
    assert rung(linux)


def test_a_worker_is_called_by_its_name(room):
    called, other = (room.seat_for_worker(pc, 1, everything) for pc in ("pc-1", "pc-2"))
    room.publish(WorkerCalled("pc-1"))
    assert (rung(called), rung(called), rung(other)) == (True, False, False)
    called.pass_on()
    assert not rung(other)


def test_a_newer_call_of_a_worker_releases_the_older(room):
    older = room.seat_for_worker("pc-1", 1, everything)
    newer = room.seat_for_worker("pc-1", 2, everything)
    assert (older.released, newer.released) == (True, False)
    older.leave()
    room.publish(WorkAvailable(ANY))
    assert rung(newer)


def test_a_release_ends_the_wait_of_the_call_it_names_and_no_other(room):
    seat = room.seat_for_worker("pc-1", 7, everything)
    room.release("pc-1", 6)
    assert not seat.released
    outcome = []
    waiting = threading.Thread(target=lambda: outcome.append(seat.wait(DEADLINE_S)))
    waiting.start()
    room.release("pc-1", 7)
    waiting.join(DEADLINE_S / 2)
    assert outcome == [False]
    assert seat.released


def test_a_release_that_overtook_its_call_ends_it_once(room):
    room.release("pc-1", 7)
    early = room.seat_for_worker("pc-1", 7, everything)
    assert early.released
    early.leave()
    assert not room.seat_for_worker("pc-1", 7, everything).released


def test_all_followers_of_a_job_are_rung(room):
    seats = [room.seat_for_job("job-1", f"user-{n}") for n in range(3)]
    other = room.seat_for_job("job-2", "user-1")
    room.publish(JobChanged("job-1"))
    room.publish(JobChanged("job-1"))
    assert [rung(seat) for seat in (*seats, other)] == [True, True, True, False]
    assert not rung(seats[0])


def test_seats_are_counted_and_come_back():
    room = WaitingRoom(workers=2, followers=2, per_person=1)
    first = room.seat_for_worker("pc-1", 1, everything)
    assert room.seat_for_worker("pc-2", 1, everything)
    assert room.seat_for_worker("pc-3", 1, everything) is None
    again = room.seat_for_worker("pc-1", 2, everything)
    assert again
    first.leave()
    first.leave()
    assert room.seat_for_worker("pc-3", 1, everything) is None
    again.leave()
    assert room.seat_for_worker("pc-3", 1, everything)

    seat = room.seat_for_job("job-1", "user-1")
    assert room.seat_for_job("job-2", "user-1") is None
    assert room.seat_for_job("job-1", "user-2")
    assert room.seat_for_job("job-1", "user-3") is None
    seat.leave()
    seat.leave()
    assert room.seat_for_job("job-1", "user-1")
    assert room.seat_for_job("job-1", "user-3") is None


def test_closing_releases_all_and_seats_nobody(room):
    seats = [room.seat_for_worker("pc-1", 1, everything), room.seat_for_job("job-1", "user-1")]
    room.close()
    assert room.closing
    assert all(seat.released and not seat.wait(DEADLINE_S) for seat in seats)
    assert room.seat_for_worker("pc-2", 1, everything) is None
    assert room.seat_for_job("job-1", "user-2") is None
    for seat in seats:
        seat.leave()


def test_no_job_is_forgotten_while_many_wait_claim_and_publish():
    """Each worker claims one job per call; with every job taken, everyone must have been woken enough."""
    room = WaitingRoom()
    jobs, lock, done = [], threading.Lock(), threading.Event()
    total, taken = 300, []

    def claim():
        with lock:
            if not jobs:
                return False
            taken.append(jobs.pop())
            if len(taken) == total:
                done.set()
            return True

    def work(worker):
        seq = 0
        while not done.is_set():
            seq += 1
            seat = room.seat_for_worker(worker, seq, everything)
            try:
                while seat and not seat.released and not claim():
                    seat.pass_on()
                    # far longer than the whole test may take: a lost wake-up shows as a timeout
                    seat.wait(DEADLINE_S * 3)
            finally:
                if seat:
                    seat.leave()

    threads = [threading.Thread(target=work, args=(f"pc-{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for number in range(total):
        with lock:
            jobs.append(number)
        room.publish(WorkAvailable(ANY))
    assert done.wait(DEADLINE_S)
    room.close()
    for thread in threads:
        thread.join(DEADLINE_S)
    assert sorted(taken) == list(range(total))
