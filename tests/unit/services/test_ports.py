"""A port that is taken is found before anything starts."""

import os
import socket

import pytest

from tasks.errors import ServiceError
from tasks.services.ports import check_port_free, find_holder


@pytest.fixture
def listener():
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as web servers do
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server


def test_taken_port_is_reported_with_its_holder_and_the_way_out(listener):
    """The message names port, purpose, process and the variable that picks another port."""
    port = listener.getsockname()[1]
    with pytest.raises(ServiceError) as caught:
        check_port_free(port, purpose="the MLflow server", variable="NOCTURNE_MLFLOW_PORT")
    message = str(caught.value)
    assert f"Port {port} (the MLflow server) is taken by process {os.getpid()} (" in message
    assert "NOCTURNE_MLFLOW_PORT=" in message


def test_bound_port_without_a_listener_is_taken_too():
    """A socket that does not answer holds its port all the same."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        with pytest.raises(ServiceError, match="is taken"):
            check_port_free(server.getsockname()[1], purpose="x", variable="X")


def test_free_port_passes(listener):
    """A port that was given back can be used."""
    port = listener.getsockname()[1]
    listener.close()
    check_port_free(port, purpose="x", variable="X")
    assert find_holder(port) is None


def test_port_with_a_connection_that_was_just_closed_passes(listener):
    """What is left of the last run's connections (TIME_WAIT) does not hold the port."""
    port = listener.getsockname()[1]
    with socket.create_connection(("127.0.0.1", port)) as client:
        accepted, _ = listener.accept()
        accepted.close()
        client.recv(1)
    listener.close()
    check_port_free(port, purpose="x", variable="X")
