"""The calls of agents."""

from coordinator.web.agent_api.exchanges import Exchanges, register
from coordinator.web.agent_api.transfers import (
    LogPlace,
    offer_file,
    project,
    put_log,
    put_part,
    upload_offset,
)
from coordinator.web.routing import Route
from shared.messages import (
    ExchangeReply,
    ExchangeRequest,
    LogState,
    RegisterReply,
    RegisterRequest,
    UploadOffer,
    UploadState,
)

_ATTEMPT = "/api/v1/agent/attempts/{job}/{attempt}"
_UPLOAD = "/api/v1/agent/uploads/{upload}"
_TOKEN = ("Authorization",)


def agent_routes() -> list[Route]:
    return [*_session_routes(), *_transfer_routes()]


def _session_routes() -> list[Route]:
    return [
        Route(
            "POST",
            "/api/v1/agent/register",
            register,
            "Open a session",
            audience="agents",
            body=RegisterRequest,
            answer=RegisterReply,
            errors=(400, 403, 409, 422),
        ),
        Route(
            "POST",
            "/api/v1/agent/exchange",
            Exchanges().answer,
            "Report, renew and claim in one call, which may be held",
            audience="agents",
            body=ExchangeRequest,
            answer=ExchangeReply,
            errors=(400, 401, 422, 503),
        ),
    ]


def _transfer_routes() -> list[Route]:
    return [
        Route(
            "PUT",
            f"{_ATTEMPT}/log",
            put_log,
            "Send a part of an attempt's output",
            audience="agents",
            raw_body=True,
            query=LogPlace,
            answer=LogState,
            headers=_TOKEN,
            errors=(403, 409, 410, 413, 416, 422),
        ),
        Route(
            "POST",
            f"{_ATTEMPT}/files",
            offer_file,
            "Declare a file that the attempt gives back",
            audience="agents",
            body=UploadOffer,
            answer=UploadState,
            headers=_TOKEN,
            errors=(403, 409, 410, 413, 422, 507),
        ),
        Route(
            "HEAD",
            _UPLOAD,
            upload_offset,
            "Tell how much of a declared file has arrived",
            audience="agents",
            headers=_TOKEN,
            errors=(403, 404, 409, 410),
        ),
        Route(
            "PATCH",
            _UPLOAD,
            put_part,
            "Send a part of a declared file",
            audience="agents",
            raw_body=True,
            answer=UploadState,
            headers=("Upload-Offset", *_TOKEN),
            errors=(403, 404, 409, 410, 413, 416, 422, 507),
        ),
        Route(
            "GET",
            "/api/v1/projects/{sha256}",
            project,
            "Download a project",
            answer_type="application/zip",
            headers=("Range",),
            errors=(404, 416),
        ),
    ]
