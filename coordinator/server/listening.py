"""Opens the sockets that the server listens on, before anything else is started."""

import errno
import socket

from coordinator.host_os import exclusive_bind_option, takes_port_in_time_wait

BACKLOG = 1024
_TRIES = 5  # to find one port that is free on 127.0.0.1 and on ::1


class CannotListen(Exception):
    """The address cannot be listened on; `str()` says why and what to do."""


def open_listeners(host: str, port: int) -> list[socket.socket]:
    """Listen on `host`:`port` and hand back the sockets; `localhost` is 127.0.0.1 and, where it exists, ::1.

    Port 0 takes any free port, the same for all. Raises CannotListen.
    """
    if host != "localhost":
        return [_open(host, port)]
    for tries_left in reversed(range(_TRIES)):
        first = _open("127.0.0.1", port)
        try:
            return [first, *_second(first.getsockname()[1])]
        except CannotListen:
            first.close()
            if port or not tries_left:
                raise
    raise AssertionError("unreachable")


def url_of(listener: socket.socket) -> str:
    """Spell out the address at which a browser on this machine reaches `listener`."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _second(port: int) -> list[socket.socket]:
    return [_open("::1", port)] if _has_ipv6() else []


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _open(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise CannotListen(_sentence(host, port, error)) from error
    try:
        _prepare(listener)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise CannotListen(_sentence(host, port, error)) from error
    return listener


def _prepare(listener: socket.socket) -> None:
    if (exclusive := exclusive_bind_option()) is not None:
        listener.setsockopt(socket.SOL_SOCKET, exclusive, 1)
    elif takes_port_in_time_wait():
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if listener.family == socket.AF_INET6:
        listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)


def _sentence(host: str, port: int, error: OSError) -> str:
    where = f"port {port} of {host}"
    if error.errno == errno.EADDRINUSE:
        return f"Another program already listens on {where}. Stop it, or choose another port with --port."
    if error.errno == errno.EACCES:
        return (
            f"This account may not listen on {where}, or another program keeps it for itself. "
            "Choose another port, above 1023, with --port."
        )
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"This machine has no address {host}. Choose one that it has with --host."
    return f"Cannot listen on {where}: {error.strerror or error}."
