"""Exactly what was started is stopped."""

import dataclasses
import os
import signal
import sys
import time

import psutil
import pytest

from tasks.errors import ServiceError
from tasks.services.processes import (
    Component,
    find,
    find_family,
    last_lines,
    load_records,
    save_records,
    start,
    stop,
)

SLEEP = "import time; print('up', flush=True); time.sleep(60)"
DEAF = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SLEEP}"
# A parent with a child in a process group of its own, as Airflow's tasks have.
PARENT = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "{SLEEP}"], process_group=0)
child.wait()
"""


@pytest.fixture
def launch(tmp_path):
    """Start Python code as a component; whatever is left of it is killed at the end."""
    started = []

    def launch_code(code, name="sleeper"):
        one = start(
            Component(name, (sys.executable, "-c", code)),
            environment={"PATH": os.environ["PATH"]},
            log_folder=tmp_path,
            folder=tmp_path,
        )
        started.append(one)
        deadline = time.monotonic() + 20
        while "up" not in last_lines(one.record.log, 1) and time.monotonic() < deadline:
            time.sleep(0.02)
        return one

    yield launch_code
    for one in started:
        for process in find_family(one.record):
            process.kill()
        one.process.wait()


def lives(process):
    """Tell a process from one that is gone or has ended (a zombie)."""
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_started_process_is_detached_and_logged(launch):
    """It leads a session of its own, so that Ctrl-C in the terminal does not reach it."""
    record = launch(SLEEP).record
    assert os.getsid(record.pid) == record.pid
    assert last_lines(record.log, 5) == "up"
    assert find(record).pid == record.pid


def test_environment_is_the_one_given(launch, monkeypatch):
    """Nothing is inherited behind one's back."""
    monkeypatch.setenv("AIRFLOW_HOME", "/other")
    record = launch(f"import os; print('AIRFLOW_HOME' in os.environ, flush=True); {SLEEP}").record
    assert last_lines(record.log, 2) == "False\nup"


def test_stop_ends_the_process_and_names_it(launch):
    """What ran is reported, and runs no more."""
    record = launch(SLEEP).record
    assert stop([record], grace_seconds=10) == ["sleeper"]
    assert find(record) is None
    assert stop([record], grace_seconds=10) == []


def test_stop_kills_what_does_not_listen(launch):
    """After the grace period a process that ignores SIGTERM is killed."""
    one = launch(DEAF)
    (process,) = find_family(one.record)
    process.send_signal(signal.SIGTERM)
    assert lives(process)
    stop([one.record], grace_seconds=0.5)
    assert not lives(process)


def test_stop_reaches_children_in_other_groups(launch):
    """A task is in a process group of its own and ends with its component all the same."""
    record = launch(PARENT).record
    family = find_family(record)
    assert len(family) == 2
    stop([record], grace_seconds=0.5)
    assert not any(lives(process) for process in family)


def test_orphans_of_a_killed_component_are_still_ours(launch):
    """When a component was killed, its children are found by their session and folder."""
    one = launch(PARENT)
    one.process.kill()
    one.process.wait()
    assert find(one.record) is None
    (orphan,) = find_family(one.record)
    assert stop([one.record], grace_seconds=0.5) == ["sleeper"]
    assert not lives(orphan)


@pytest.mark.parametrize(
    "change",
    [{"create_time": 1_000_000_000.0}, {"boot_id": "another boot"}],
    ids=["the id was given out again", "the machine was started again"],
)
def test_stranger_with_a_recorded_id_is_not_touched(launch, change):
    """A stale record matches nobody."""
    one = launch(SLEEP)
    stale = dataclasses.replace(one.record, **change)
    assert find(stale) is None
    assert stop([stale], grace_seconds=1) == []
    assert one.process.poll() is None


def test_ended_process_is_not_found(launch):
    """A zombie has ended, whoever has not yet asked for its exit code."""
    one = launch("print('up')")
    deadline = time.monotonic() + 10
    while find(one.record) is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    assert find(one.record) is None
    assert find_family(one.record) == []


def test_missing_command_says_what_to_do(tmp_path):
    """A virtual environment that was removed is a set-up to repeat."""
    component = Component("mlflow", (str(tmp_path / "python"),))
    with pytest.raises(ServiceError, match=r"mlflow cannot be started(.|\n)*make install"):
        start(component, environment={}, log_folder=tmp_path, folder=tmp_path)


def test_last_log_is_kept(launch):
    """The log of the start before is one file away."""
    launch("print('first up')").process.wait()
    record = launch("print('second up')").record
    assert last_lines(record.log, 1) == "second up"
    assert last_lines(record.log + ".1", 1) == "first up"


def test_records_survive_on_disk(launch, tmp_path):
    """Another process stops what this one started."""
    record = launch(SLEEP).record
    save_records(tmp_path / "services.json", [record])
    assert load_records(tmp_path / "services.json") == [record]


def test_no_records_no_file(tmp_path):
    """When nothing runs there is nothing to remember."""
    save_records(tmp_path / "services.json", [])
    assert not (tmp_path / "services.json").exists()
    assert load_records(tmp_path / "services.json") == []


def test_damaged_records_are_reported(tmp_path):
    """Forgetting what runs would leave it running."""
    (tmp_path / "services.json").write_text('{"processes": [{"pid": 1}]}')
    with pytest.raises(ServiceError, match="it is not known what is running"):
        load_records(tmp_path / "services.json")
