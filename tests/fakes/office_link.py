"""The coordinator's real use cases as an agent's link, with no HTTP between them and no call ever held."""

import hashlib
from collections.abc import Iterator

from coordinator.domain import errors
from coordinator.use_cases.exchange import exchange
from coordinator.use_cases.register_workers import register_worker
from coordinator.use_cases.transfer_files import current_attempt
from shared.messages import (
    AttemptRef,
    ExchangeReply,
    ExchangeRequest,
    LogState,
    RegisterReply,
    RegisterRequest,
    UploadOffer,
    UploadState,
)
from tests.fakes.office import Office
from tray_agent.agent.errors import NotCurrent, SessionConflict, SessionUnknown


class OfficeLink:
    def __init__(self, office: Office) -> None:
        self.office = office
        self.projects: dict[str, bytes] = {}
        self.files: dict[str, bytes] = {}
        self.registered: list[RegisterRequest] = []
        self._uploads: dict[str, tuple[UploadOffer, bytes]] = {}

    def register(self, request: RegisterRequest) -> RegisterReply:
        self.registered.append(request)
        try:
            worker = self.office.store.transact(lambda tx: register_worker(tx, request, False, "192.0.2.1"))
        except errors.SessionTaken as error:
            raise SessionConflict(str(error)) from error
        return RegisterReply(worker.id, request.session, 90.0, 0.0)

    def exchange(self, request: ExchangeRequest) -> ExchangeReply:
        try:
            return self.office.store.transact(lambda tx: exchange(tx, request)).reply
        except errors.SessionUnknown as error:
            raise SessionUnknown(str(error)) from error

    def send_log(self, ref: AttemptRef, token: str, offset: int, data: bytes) -> LogState:
        def store(tx):
            return tx.output.append(current_attempt(tx, ref.job, ref.attempt, token), offset, data)

        try:
            return LogState(self.office.store.transact(store))
        except errors.WrongOffset as error:
            return LogState(error.true_offset)
        except (errors.StaleAttempt, errors.AttemptOver) as error:
            raise NotCurrent(str(error)) from error

    def offer_file(self, ref: AttemptRef, token: str, offer: UploadOffer) -> UploadState:
        self._uploads[offer.sha256] = (offer, b"")
        return UploadState(offer.sha256, 0, False, part_bytes=1024)

    def send_part(self, upload: str, token: str, offset: int, data: bytes) -> UploadState:
        offer, stored = self._uploads[upload]
        assert offset == len(stored)
        stored += data
        self._uploads[upload] = (offer, stored)
        complete = len(stored) == offer.size
        if complete:
            assert hashlib.sha256(stored).hexdigest() == offer.sha256
            self.files[offer.sha256] = stored
            self.office.store.transact(lambda tx: tx.files.add_stored(offer.sha256, offer.size))
        return UploadState(upload, len(stored), complete, part_bytes=1024)

    def fetch_project(self, sha256: str, offset: int) -> Iterator[bytes]:
        data = self.projects[sha256][offset:]
        for place in range(0, len(data), 1000):
            yield data[place : place + 1000]

    def disconnect(self) -> None:
        pass
