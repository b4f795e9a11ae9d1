"""Whether a loopback port is free, and who holds it when it is not.

``nocturne up`` asks before it starts anything, so that a taken port fails in a second and by name.
"""

from __future__ import annotations

import errno
import os
import socket

import psutil

from tasks.errors import ServiceError

_CONNECT_TIMEOUT_SECONDS = 0.5  # loopback answers at once or not at all


def check_port_free(port: int, *, purpose: str, variable: str) -> None:
    """Raise unless a server can listen on a loopback port.

    Parameters
    ----------
    port : int
    purpose : str
        Who wants it, for the message ("Airflow's web server").
    variable : str
        The environment variable that picks another port.

    Raises
    ------
    ServiceError
        Names the port, who holds it where the system tells, and ``variable``.
    """
    for family, address in _loopback_addresses():
        problem = _problem(family, address, port)
        if problem is None:
            continue
        holder = find_holder(port)
        by = f" by {holder}" if holder else ""
        what = {
            errno.EADDRINUSE: f"Port {port} ({purpose}) is taken{by}.",
            errno.EACCES: f"Port {port} ({purpose}) may not be opened by an ordinary user.",
        }.get(problem, f"Port {port} ({purpose}) cannot be opened: {os.strerror(problem)}.")
        raise ServiceError(
            what,
            expected=f"a free port on {address}",
            hint=f"stop what holds it, or choose another: {variable}={port + 1 if port < 65535 else 18080}",
        )


def find_holder(port: int) -> str | None:
    """Describe the process that listens on a port.

    Parameters
    ----------
    port : int

    Returns
    -------
    str or None
        ``"process 42 (python -m http.server)"``; None where the system does not tell us.
    """
    for process in psutil.process_iter():
        try:
            connections = process.net_connections(kind="tcp")
            if any(c.status == psutil.CONN_LISTEN and c.laddr.port == port for c in connections):
                command = " ".join(part for part in process.cmdline() if part) or process.name()
                return f"process {process.pid} ({command[:120]})"
        except (psutil.Error, OSError):
            continue  # another user's process, or one that just ended
    return None


def _loopback_addresses() -> list[tuple[socket.AddressFamily, str]]:
    addresses = [(socket.AF_INET, "127.0.0.1")]
    try:
        resolved = {str(info[4][0]) for info in socket.getaddrinfo("localhost", None)}
    except OSError:
        resolved = set()
    if "::1" in resolved:
        # A browser that asks for localhost tries ::1 first: whoever listens there would get
        # Airflow's visitors, and their passwords.
        addresses.append((socket.AF_INET6, "::1"))
    return addresses


def _problem(family: socket.AddressFamily, address: str, port: int) -> int | None:
    # Connecting first: on macOS SO_REUSEADDR lets a bind succeed beside a wildcard listener.
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.settimeout(_CONNECT_TIMEOUT_SECONDS)
        if probe.connect_ex((address, port)) == 0:
            return errno.EADDRINUSE
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the servers do it: connections of the last run in TIME_WAIT do not hold the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError as error:
            if family == socket.AF_INET6 and error.errno == errno.EADDRNOTAVAIL:
                return None  # localhost names ::1 but this machine has no IPv6
            return error.errno
    return None
