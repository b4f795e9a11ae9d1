"""One `up` or `down` at a time."""

import os

import pytest

from tasks.errors import ServiceError
from tasks.services.lock import hold


def test_second_holder_waits_and_gives_up_with_a_name(tmp_path):
    """The waiting one learns who is at work."""
    path, told = tmp_path / "lock", []
    with (
        hold(path, timeout_seconds=1, progress=told.append),
        pytest.raises(ServiceError, match=f"process {os.getpid()}"),
        hold(path, timeout_seconds=0.3, progress=told.append),
    ):
        pytest.fail("two holders at once")
    assert told == [f"another `nocturne up` or `down` is at work (process {os.getpid()}); waiting"]


def test_lock_is_free_after_an_error(tmp_path):
    """Whatever happens inside, the next one gets in."""
    path = tmp_path / "lock"
    with pytest.raises(KeyboardInterrupt), hold(path, timeout_seconds=1, progress=print):
        raise KeyboardInterrupt
    with hold(path, timeout_seconds=0.3, progress=print):
        pass
