"""Where a call of the older interface comes from: its workers are told apart by it."""

from ipaddress import IPv6Address, ip_address

from coordinator.web.call import Call

LOOPBACK = "127.0.0.1"


def address_of(call: Call) -> str:
    """Tell the caller's address, one and the same however it reached us from this machine."""
    try:
        address = ip_address(call.address.partition("%")[0])
    except ValueError:
        return call.address[:64]
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return LOOPBACK if address.is_loopback else str(address)
