"""Who is champion: one change after the other, whoever is killed on the way and whoever else is at work."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from registry_support import Killed, MortalClient, check_history, make_versions, publish_model

from tasks.errors import PromotionError, ServiceError
from tasks.registry import (
    CHAMPION,
    champion,
    crown,
    find_alias,
    history,
    reconcile,
    record,
    settling,
)
from tasks.registry.history import read_entries
from tasks.settings import Settings
from tasks.tracking import connect

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from tasks.registry import Change


def promote(
    client: Any,
    settings: Settings,
    version: str,
    *,
    expected: str | None,
    name: str = "digits",
    key: str | None = None,
    why: str = "It is better.",
) -> Change:
    return crown(
        client,
        settings,
        name,
        version,
        expected=expected,
        action="promoted",
        by="a night",
        why=why,
        key=key or f"night {version}",
    )


def move_to_another_machine(settings: Settings) -> Settings:
    """The same MLflow, seen from a machine with locks of its own."""
    return settings.model_copy(update={"home": settings.home.parent / "another home"})


def test_the_first_champion_and_the_next(client: MlflowClient, settings: Settings) -> None:
    """Each entry says who, when, by whom and why, and the next one ends its time."""
    make_versions(client, settings, 2)
    first = promote(client, settings, "1", expected=None)
    second = promote(client, settings, "2", expected="1", why="It's better: 97 % against 96 %.")
    changes = check_history(client)
    assert [(c.version, c.previous, c.action, c.by) for c in changes] == [
        ("1", None, "promoted", "a night"),
        ("2", "1", "promoted", "a night"),
    ]
    assert changes[1] == second
    assert changes[0].run_id == first.run_id
    assert second.why == "It's better: 97 % against 96 %."


def test_a_champion_that_changed_since_is_named(client: MlflowClient, settings: Settings) -> None:
    """Nobody takes over from another one than was looked at; nothing is written."""
    make_versions(client, settings, 3)
    promote(client, settings, "2", expected=None)
    with pytest.raises(PromotionError) as raised:
        promote(client, settings, "3", expected="1")
    assert raised.value.what == (
        "The champion of digits is version 2 now; version 3 was to take over from version 1."
    )
    assert raised.value.hint == "clear the task evaluate, so that the comparison is made again"
    with pytest.raises(PromotionError, match="was to take over from none"):
        promote(client, settings, "3", expected=None)
    assert [change.version for change in check_history(client)] == ["2"]


def test_the_same_key_changes_nothing_twice(client: MlflowClient, settings: Settings) -> None:
    """Also where somebody has rolled back meanwhile: a task that is cleared promotes nobody again."""
    make_versions(client, settings, 2)
    promote(client, settings, "1", expected=None)
    made = promote(client, settings, "2", expected="1")
    assert promote(client, settings, "2", expected="1").run_id == made.run_id
    crown(client, settings, "digits", "1", expected="any", action="rolled_back", by="ann", why="no", key="r")  # fmt: skip
    assert promote(client, settings, "2", expected="1").run_id == made.run_id
    assert [change.version for change in check_history(client)] == ["1", "2", "1"]


def test_who_is_champion_already_stays_it(client: MlflowClient, settings: Settings) -> None:
    """Another key for the version that is champion gives the change that made it so."""
    make_versions(client, settings, 1)
    made = promote(client, settings, "1", expected=None)
    assert promote(client, settings, "1", expected="7", key="another") == made
    assert len(check_history(client)) == 1


def test_an_alias_moved_by_hand_is_noticed_and_recorded_once(
    client: MlflowClient, settings: Settings
) -> None:
    """The change after it starts from where the alias is."""
    make_versions(client, settings, 3)
    promote(client, settings, "1", expected=None)
    client.set_registered_model_alias("digits", CHAMPION, "3")
    changes = reconcile(client, settings, "digits")
    assert [(c.version, c.previous, c.action, c.by) for c in changes[1:]] == [
        ("3", "1", "moved_by_hand", "unknown")
    ]
    assert changes[1].why == (
        "the alias was on version 3, and the last change had left it on version 1"
    )
    assert reconcile(client, settings, "digits") == changes
    client.set_registered_model_alias("digits", CHAMPION, "1")
    promote(client, settings, "2", expected="1")
    assert [c.version for c in check_history(client)] == ["1", "3", "1", "2"]


@pytest.mark.parametrize("is_version_deleted", [False, True], ids=["alias", "version"])
def test_a_deleted_champion_is_noticed(
    client: MlflowClient, settings: Settings, *, is_version_deleted: bool
) -> None:
    """Then nobody is champion, and the next one is the first again."""
    make_versions(client, settings, 2)
    promote(client, settings, "1", expected=None)
    if is_version_deleted:
        client.delete_model_version("digits", "1")
    else:
        client.delete_registered_model_alias("digits", CHAMPION)
    changes = reconcile(client, settings, "digits")
    assert (changes[1].version, changes[1].action) == (None, "removed_by_hand")
    assert changes[0].until == changes[1].at
    promote(client, settings, "2", expected=None)
    assert [c.version for c in check_history(client)] == ["1", None, "2"]


def test_a_champion_from_before_the_history_is_its_first_entry(
    client: MlflowClient, settings: Settings
) -> None:
    """An alias that was there before anything was written."""
    make_versions(client, settings, 2)
    client.set_registered_model_alias("digits", CHAMPION, "1")
    promote(client, settings, "2", expected="1")
    assert [(c.version, c.action) for c in check_history(client)] == [
        ("1", "found"),
        ("2", "promoted"),
    ]


def test_a_model_that_nobody_knows_has_no_history(client: MlflowClient, settings: Settings) -> None:
    """To look at it writes nothing."""
    assert reconcile(client, settings, "nobody") == []
    assert client.get_experiment_by_name(history.EXPERIMENT) is None


def test_what_was_declined_is_remembered_and_moves_nobody(
    client: MlflowClient, settings: Settings
) -> None:
    """A remark stands between the changes and ends nobody's time."""
    make_versions(client, settings, 2)
    promote(client, settings, "1", expected=None)
    for _ in range(2):
        record(client, settings, "digits", "2", action="declined", by="ann", why="", key="q")
    changes = check_history(client)
    assert [(c.version, c.previous, c.action) for c in changes] == [
        ("1", None, "promoted"),
        ("2", "1", "declined"),
    ]
    assert [c.until for c in changes] == [None, None]


def count_calls(client: MlflowClient, settings: Settings) -> list[str]:
    """The calls of a change in a database that has no history yet."""
    make_versions(client, settings, 2, name="counted")
    client.set_registered_model_alias("counted", CHAMPION, "1")
    mortal = MortalClient(client)
    promote(mortal, settings, "2", expected="1", name="counted")
    return mortal.calls


@pytest.mark.parametrize("is_made", [False, True], ids=["before", "after"])
def test_killed_at_any_call_there_is_a_champion_and_the_retry_finishes(
    client: MlflowClient,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_made: bool,
) -> None:
    """Before and after each call in turn: the alias is never gone, and one entry says what was done."""
    calls = count_calls(client, settings)
    assert calls.count("set_registered_model_alias") == 1
    assert "delete_registered_model_alias" not in calls
    assert "create_experiment" in calls
    model, _ = publish_model(client, settings)
    for i in range(len(calls)):
        # Each time as if nothing had ever been written, so that making the experiment is cut off too.
        monkeypatch.setattr(history, "EXPERIMENT", f"nocturne.history.{i}")
        name = f"digits{i}"
        make_versions(client, settings, 2, name=name, model=model)
        client.set_registered_model_alias(name, CHAMPION, "1")
        with pytest.raises(Killed):
            promote(MortalClient(client, i, is_made=is_made), settings, "2", expected="1", name=name)  # fmt: skip
        assert find_alias(client, name, CHAMPION) in ("1", "2"), calls[i]
        promote(client, settings, "2", expected="1", name=name)
        changes = check_history(client, name)
        assert [(c.version, c.action) for c in changes] == [("1", "found"), ("2", "promoted")]
        assert {entry.state for entry in read_entries(client, name)} <= {"done", "void"}


@pytest.mark.parametrize("is_made", [False, True], ids=["before", "after"])
def test_killed_at_any_call_somebody_else_goes_on(
    client: MlflowClient, settings: Settings, *, is_made: bool
) -> None:
    """What was cut off is settled by the next change, whoever makes it; its own retry comes too late."""
    n_calls = len(count_calls(client, settings))
    model, _ = publish_model(client, settings)
    n_moved = 0
    for i in range(n_calls):
        name = f"digits{i}"
        make_versions(client, settings, 3, name=name, model=model)
        promote(client, settings, "1", expected=None, name=name)
        mortal = MortalClient(client, i, is_made=is_made)
        try:
            promote(mortal, settings, "2", expected="1", name=name)
        except Killed:
            was_moved = find_alias(client, name, CHAMPION) == "2"
        else:
            break  # there is a history already, so there are fewer calls
        promote(client, settings, "3", expected="2" if was_moved else "1", name=name)
        if was_moved:
            assert promote(client, settings, "2", expected="1", name=name).version == "2"
        else:
            with pytest.raises(PromotionError, match="is version 3 now"):
                promote(client, settings, "2", expected="1", name=name)
        expected = ["1", "2", "3"] if was_moved else ["1", "3"]
        assert [c.version for c in check_history(client, name)] == expected
        n_moved += was_moved
    assert 0 < n_moved < i


@pytest.mark.parametrize("is_made", [False, True], ids=["before", "after"])
def test_killed_while_noticing_what_was_done_by_hand(
    client: MlflowClient, settings: Settings, *, is_made: bool
) -> None:
    """It is recorded once all the same."""
    model, _ = publish_model(client, settings)
    for i in range(20):
        name = f"digits{i}"
        make_versions(client, settings, 2, name=name, model=model)
        promote(client, settings, "1", expected=None, name=name)
        client.set_registered_model_alias(name, CHAMPION, "2")
        mortal = MortalClient(client, i, is_made=is_made)
        try:
            reconcile(mortal, settings, name)  # type: ignore[arg-type]
        except Killed:
            pass
        else:
            break
        reconcile(client, settings, name)
        actions = [(c.version, c.action) for c in check_history(client, name)]
        assert actions == [("1", "promoted"), ("2", "moved_by_hand")]
    else:
        pytest.fail("the calls did not end")
    assert i > 3


def test_an_entry_of_another_machine_is_waited_for(
    client: MlflowClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may still be at work; when its time is over, what it had begun is settled."""
    make_versions(client, settings, 3)
    promote(client, settings, "1", expected=None)
    mortal = MortalClient(client, 8)
    with pytest.raises(Killed):
        promote(mortal, move_to_another_machine(settings), "2", expected="1")
    assert mortal.calls[-2:] == ["get_model_version_by_alias", "set_registered_model_alias"]
    monkeypatch.setattr(champion, "_GIVE_UP_SECONDS", 0.5)
    with pytest.raises(ServiceError, match="Other machines have been changing the champion"):
        promote(client, settings, "3", expected="1")
    assert find_alias(client, "digits", CHAMPION) == "1"
    monkeypatch.setattr(settling, "LEASE_SECONDS", 0.5)
    promote(client, settings, "3", expected="1")
    assert [c.version for c in check_history(client)] == ["1", "3"]


def test_who_was_held_up_does_not_move_the_alias(
    client: MlflowClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others may count its entry as nobody's by then: it begins anew, until it is quick enough."""
    make_versions(client, settings, 2)
    promote(client, settings, "1", expected=None)
    monkeypatch.setattr(champion, "MOVE_WITHIN_SECONDS", -1.0)
    monkeypatch.setattr(champion, "_GIVE_UP_SECONDS", 0.2)
    mortal = MortalClient(client)
    with pytest.raises(ServiceError):
        promote(mortal, settings, "2", expected="1")
    assert "set_registered_model_alias" not in mortal.calls
    assert [c.version for c in check_history(client)] == ["1"]


def test_machines_at_once_lose_nothing(client: MlflowClient, settings: Settings) -> None:
    """Three machines that share MLflow and no lock: every change has its place in one chain."""
    n_machines, n_changes = 3, 4
    make_versions(client, settings, n_machines * n_changes)
    errors: list[Exception] = []

    def work(machine: int) -> None:
        own = settings.model_copy(update={"home": settings.home.parent / f"machine{machine}"})
        try:
            connection = connect(settings)
            for i in range(n_changes):
                version = str(1 + machine * n_changes + i)
                crown(
                    connection, own, "digits", version, expected="any", action="promoted",
                    by=f"machine {machine}", why="", key=version,
                )  # fmt: skip
        except Exception as error:  # noqa: BLE001 - told by the thread that waits
            errors.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(n_machines)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    changes = check_history(client)
    assert sorted(int(str(c.version)) for c in changes) == list(range(1, 13))
    assert {c.action for c in changes} == {"promoted"}


DECIDE = """
import sys
from pathlib import Path
from tasks.errors import PromotionError
from tasks.registry import crown
from tasks.settings import Settings
from tasks.tracking import connect
home, uri, version = sys.argv[1:]
settings = Settings(home=Path(home), tracking_uri=uri)
client = connect(settings)
print("ready", flush=True)
sys.stdin.readline()
try:
    crown(client, settings, "digits", version, expected="1", action="promoted", by="a night", why="better", key=version)
    print("promoted")
except PromotionError as error:
    print(error.what)
"""


@pytest.mark.parametrize("is_one_machine", [True, False], ids=["one machine", "four machines"])
def test_of_nights_that_decide_at_once_one_wins(
    client: MlflowClient, settings: Settings, tmp_path: Path, *, is_one_machine: bool
) -> None:
    """Four processes have compared with version 1: one promotes, the others are told who is champion."""
    make_versions(client, settings, 5)
    promote(client, settings, "1", expected=None)
    nights = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                DECIDE,
                str(settings.home if is_one_machine else tmp_path / f"machine{version}"),
                settings.tracking_uri,
                str(version),
            ],
            cwd=Path(__file__).resolve().parents[3],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for version in range(2, 6)
    ]
    for night in nights:
        assert night.stdout is not None
        assert night.stdout.readline() == "ready\n"
    for night in nights:
        assert night.stdin is not None
        night.stdin.write("go\n")
        night.stdin.flush()
    said = [night.communicate(timeout=120)[0].strip() for night in nights]
    assert [night.returncode for night in nights] == [0, 0, 0, 0]
    (winner,) = [i for i, line in enumerate(said, start=2) if line == "promoted"]
    assert find_alias(client, "digits", CHAMPION) == str(winner)
    for i, line in enumerate(said, start=2):
        if i != winner:
            assert line == (
                f"The champion of digits is version {winner} now; version {i} was to take over "
                "from version 1."
            )
    assert [c.version for c in check_history(client)] == ["1", str(winner)]
