"""Which sockets other machines can reach."""

import os
import socket
import sys
import time

import pytest

from tasks.errors import ServiceError
from tasks.services.loopback import (
    ListeningSocket,
    check_loopback_only,
    find_listening,
    is_loopback,
)
from tasks.services.processes import Component, start, stop

LISTEN = """
import socket, time
server = socket.socket(); server.bind(("127.0.0.1", 0)); server.listen()
print(server.getsockname()[1], flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.5", False),
        ("::ffff:10.0.0.1", False),
        ("fe80::1%eth0", False),
    ],
)
def test_addresses_are_told_apart(address, expected):
    """Loopback is 127.0.0.0/8 and ::1; a wildcard address is every interface."""
    assert is_loopback(address) is expected


def test_open_socket_is_named():
    """The error says which component listens where."""
    sockets = [
        ListeningSocket("mlflow", 7, "127.0.0.1", 5000),
        ListeningSocket("scheduler", 8, "0.0.0.0", 8793),
    ]
    with pytest.raises(ServiceError, match=r"scheduler \(process 8\) on 0\.0\.0\.0:8793\."):
        check_loopback_only(sockets)


def test_sockets_of_a_started_process_are_found(tmp_path):
    """What a component listens on is seen from outside."""
    command = (sys.executable, "-u", "-c", LISTEN)
    started = start(
        Component("server", command), environment=os.environ, log_folder=tmp_path, folder=tmp_path
    )
    try:
        log = tmp_path / "server.log"
        while not log.read_text().endswith("\n"):
            assert started.process.poll() is None
            time.sleep(0.02)
        found = find_listening([started.record])
    finally:
        stop([started.record], grace_seconds=5)
    port = int(log.read_text())
    assert found == [ListeningSocket("server", started.record.pid, "127.0.0.1", port)]


def test_only_sockets_of_ours_are_found(tmp_path):
    """A socket of this test's own process belongs to no component."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        assert find_listening([]) == []
