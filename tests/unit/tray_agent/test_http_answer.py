"""Reading answers: what servers and proxies send, whole or broken."""

import http.client
import io

import pytest

from tray_agent.coordinator_link.http_answer import read_answer


def read(data: bytes):
    return read_answer(io.BytesIO(data))


def test_a_plain_answer_keeps_its_connection() -> None:
    answered, keep = read(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: b\r\n\r\n{}rest")
    assert (answered.status, answered.body, answered.headers["x-a"], keep) == (200, b"{}", "b", True)


@pytest.mark.parametrize("head", [b"HTTP/1.0 200 OK\r\n", b"HTTP/1.1 200 OK\r\nConnection: close\r\n"])
def test_a_closing_answer_does_not(head: bytes) -> None:
    assert read(head + b"Content-Length: 0\r\n\r\n")[1] is False


def test_chunks_and_interim_answers_are_understood() -> None:
    data = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    answered, keep = read(data + b"3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: 1\r\n\r\n")
    assert (answered.body, keep) == (b"abcde", True)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"SSH-2.0\r\n",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno header\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 300 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
    ],
)
def test_a_broken_answer_is_no_answer(data: bytes) -> None:
    with pytest.raises((OSError, http.client.HTTPException)):
        read(data)
