"""Whether all sockets our processes listen on are reachable from this machine only.

``nocturne up`` looks once everything answers, and stops it all when one is not.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

import psutil

from tasks.errors import ServiceError
from tasks.services.processes import ProcessRecord, find_family


@dataclass(frozen=True)
class ListeningSocket:
    """One socket that accepts connections.

    Parameters
    ----------
    component : str
    pid : int
    address : str
        As bound: ``0.0.0.0`` and ``::`` mean every interface.
    port : int
    """

    component: str
    pid: int
    address: str
    port: int


def is_loopback(address: str) -> bool:
    """Tell whether an address can be reached from this machine only.

    Parameters
    ----------
    address : str
        An IPv4 or IPv6 address, with or without a zone.

    Returns
    -------
    bool

    Examples
    --------
    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    parsed = ipaddress.ip_address(address.partition("%")[0])
    mapped = getattr(parsed, "ipv4_mapped", None)
    return (mapped or parsed).is_loopback


def find_listening(records: Sequence[ProcessRecord]) -> list[ListeningSocket]:
    """List the TCP sockets that recorded processes and their descendants listen on.

    Parameters
    ----------
    records : sequence of ProcessRecord

    Returns
    -------
    list of ListeningSocket
        Sorted by component and port, each address and port once per component.
    """
    found: dict[tuple[str, str, int], ListeningSocket] = {}
    for record in records:
        for process in find_family(record):
            try:
                connections = process.net_connections(kind="tcp")
            except psutil.NoSuchProcess:
                continue  # a task that has just ended
            for connection in connections:
                if connection.status == psutil.CONN_LISTEN:
                    key = (record.name, connection.laddr.ip, connection.laddr.port)
                    # Forked children share the socket; the first one found stands for all.
                    found.setdefault(key, ListeningSocket(key[0], process.pid, key[1], key[2]))
    return sorted(found.values(), key=lambda each: (each.component, each.port))


def check_loopback_only(sockets: Sequence[ListeningSocket]) -> None:
    """Raise when a socket can be reached from other machines.

    Parameters
    ----------
    sockets : sequence of ListeningSocket

    Raises
    ------
    ServiceError
        Names each such socket.
    """
    exposed = [each for each in sockets if not is_loopback(each.address)]
    if exposed:
        named = ", ".join(
            f"{each.component} (process {each.pid}) on {each.address}:{each.port}"
            for each in exposed
        )
        raise ServiceError(
            f"Sockets are open to other machines: {named}.",
            expected="every socket of Nocturne on a loopback address",
            hint="look for host or port settings in airflow.cfg under the Nocturne home",
        )
