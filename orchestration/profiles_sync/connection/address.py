"""From which address this machine speaks to a warehouse, found without a packet leaving it."""

from __future__ import annotations

import ipaddress
import socket

# A documentation address (RFC 5737), routed like any other on the internet.
_ANYWHERE = "192.0.2.1"


def outgoing_address(host: str | None, port: int) -> str | None:
    """Return the address that the operating system would use towards a host.

    A datagram socket that is connected sends nothing: it only asks the routing table.

    Args:
        host: The warehouse's; None, or one whose name cannot be found: any host on the internet.
        port: The warehouse's.

    Returns:
        The address; None without a network.
    """
    for place in filter(None, (host, _ANYWHERE)):
        try:
            found = socket.getaddrinfo(place, port, type=socket.SOCK_DGRAM)
        except OSError:
            continue
        for family, kind, protocol, _, address in found:
            with socket.socket(family, kind, protocol) as probe:
                try:
                    probe.connect(address)
                except OSError:
                    continue
                name: str = probe.getsockname()[0]
                return name
    return None


def describe(address: str | None, *, seen: str | None = None) -> str:
    """Return what to allow-list, in a sentence.

    Args:
        address: What `outgoing_address` found.
        seen: The address that the warehouse itself says this machine has.
    """
    known = seen or address
    if known is None:
        return "This machine has no route to the warehouse; its address is not known."
    place = ipaddress.ip_address(known)
    if place.is_loopback:
        return "The warehouse is on this machine: nothing to allow-list."
    entry = f"{known}/{place.max_prefixlen}"
    if seen or not place.is_private:
        return f"Allow-list in the warehouse's firewall: {entry}"
    return (
        f"Allow-list in the warehouse's firewall: {entry}, this machine's address in its own network. Where a router "
        "stands between, the warehouse sees the router's public address instead; ask who runs the network."
    )
