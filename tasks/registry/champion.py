"""Who is champion: the alias is moved here alone, one change after the other, each with its entry in the history.

Ground module; promotion, approval and rollback call :func:`crown`. How a change is made:

1. hold the model's lock on this machine;
2. settle what is open: an entry whose writer is gone is done where the alias has moved and void where
   it has not, and an alias that stands elsewhere than the history says was moved by hand;
3. check that the champion is still the expected one;
4. write the entry as intended;
5. look again: whoever finds another machine's entry beside its own, or another champion, makes its own
   void and begins anew;
6. move the alias, in one call; 7. the entry is done.

Two machines share no lock, but of two intended entries at least the later writer sees the earlier, so
at most one goes on to 6. Every line can be the last one of a process that is killed: the next change,
by whomever, settles it.
"""

from __future__ import annotations

import logging
import random
import time
from typing import TYPE_CHECKING, Literal

from tasks.errors import PromotionError, ServiceError
from tasks.registry.history import (
    Action,
    Change,
    close_entry,
    get_champion,
    read_entries,
    select_done,
    write_entry,
)
from tasks.registry.lock import hold_lock
from tasks.registry.settling import (
    LEASE_SECONDS,
    MOVE_WITHIN_SECONDS,
    get_latest,
    is_alone,
    say_version,
    settle,
)
from tasks.registry.versions import CHAMPION, move_alias
from tasks.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

logger = logging.getLogger(__name__)

_GIVE_UP_SECONDS = 2 * LEASE_SECONDS
_PAUSE_SECONDS = (0.1, 1.0)  # by chance between these, so that two machines do not meet for ever

_HINTS: dict[Action, str] = {
    "promoted": "clear the task evaluate, so that the comparison is made again",
    "approved": "let the next night compare again, or clear the task evaluate of that night",
    "rolled_back": "look at `nocturne history`, and roll back again where it is still wanted",
}


def crown(
    client: MlflowClient,
    settings: Settings,
    name: str,
    version: str,
    *,
    expected: str | Literal["any"] | None,
    action: Action,
    by: str,
    why: str,
    key: str,
) -> Change:
    """Make a version champion, and write into the history who did it and why.

    To be called after the version's tags are written. A repeated call with the same key changes
    nothing, whatever happened since; there is a champion at every moment.

    Parameters
    ----------
    client : mlflow.MlflowClient
    settings : Settings
    name, version : str
        The registered model and the new champion.
    expected : str or None
        The version that must be champion now, None for none, ``"any"`` for whoever it is. A version
        that is champion already passes in any case.
    action : {"promoted", "approved", "rolled_back"}
    by : str
        Who: a night, or a person's name.
    why : str
        In words.
    key : str
        Identifies the change from try to try.

    Returns
    -------
    Change
        The entry of this change; of the earlier one where the version was champion already.

    Raises
    ------
    PromotionError
        When another version is champion than was expected.
    ServiceError
        When other processes do not let this one have its turn.
    """
    with hold_lock(settings, name) as lock:
        turns = _Turns(name)
        while True:
            turns.take()
            entries = settle(client, settings, name, lock)
            if entries is None:
                continue
            made = find_change(select_done(entries), key)
            if made is not None:
                return made
            reigning = get_champion(select_done(entries))
            champion = reigning.version if reigning else None
            if reigning is not None and champion == version:
                return reigning
            if expected not in ("any", champion):
                raise PromotionError(
                    f"The champion of {name} is {say_version(champion)} now; version {version} was to take "
                    f"over from {say_version(expected)}.",
                    expected="the champion unchanged since it was looked at",
                    hint=_HINTS.get(action),
                )
            began = time.monotonic()
            change = write_entry(
                client, settings, model=name, version=version, previous=champion, action=action,
                by=by, why=why, key=key, lock=lock, after=get_latest(entries),
            )  # fmt: skip
            has_turn = is_alone(client, change, entries, alias=champion)
            if not has_turn or time.monotonic() - began > MOVE_WITHIN_SECONDS:
                close_entry(client, change.run_id, "void")
                continue
            move_alias(client, name, CHAMPION, version)
            close_entry(client, change.run_id, "done")
            logger.info("Version %s of %s is champion: %s by %s.", version, name, action, by)
            return change


def record(
    client: MlflowClient,
    settings: Settings,
    name: str,
    version: str,
    *,
    action: Action,
    by: str,
    why: str,
    key: str,
) -> Change:
    """Write into the history what was decided about a version though the champion stays.

    Parameters
    ----------
    client : mlflow.MlflowClient
    settings : Settings
    name, version : str
        The registered model and the version it is about.
    action : {"declined", "not_answered", "refused", "withdrawn"}
    by, why, key : str
        As for :func:`crown`; a repeated call with the same key writes nothing.

    Returns
    -------
    Change
    """
    with hold_lock(settings, name) as lock:
        entries = read_entries(client, name)
        for entry in entries:
            if entry.change.key == key and entry.change.is_remark and entry.state != "void":
                if entry.state == "intended":
                    close_entry(client, entry.change.run_id, "done")
                return entry.change
        reigning = get_champion(select_done(entries))
        change = write_entry(
            client, settings, model=name, version=version,
            previous=reigning.version if reigning else None, action=action, by=by, why=why, key=key,
            lock=lock, after=get_latest(entries),
        )  # fmt: skip
        close_entry(client, change.run_id, "done")
        return change


def reconcile(client: MlflowClient, settings: Settings, name: str) -> list[Change]:
    """Bring the history up to date with the alias: finish what was interrupted, note what was moved by hand.

    Parameters
    ----------
    client : mlflow.MlflowClient
    settings : Settings
    name : str
        The registered model.

    Returns
    -------
    list of Change
        The whole history, oldest first.

    Raises
    ------
    ServiceError
        When other processes do not let this one have its turn.
    """
    with hold_lock(settings, name) as lock:
        turns = _Turns(name)
        while True:
            turns.take()
            entries = settle(client, settings, name, lock)
            if entries is not None:
                return select_done(entries)


def find_change(changes: list[Change], key: str) -> Change | None:
    """Find the change with this key; None where it has not been made."""
    return next((change for change in changes if change.key == key), None)


class _Turns:
    """Tries of one change, with a pause by chance before each but the first."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._deadline = time.monotonic() + _GIVE_UP_SECONDS
        self._n_taken = 0

    def take(self) -> None:
        if time.monotonic() > self._deadline:
            raise ServiceError(
                f"Other machines have been changing the champion of {self._name!r} for "
                f"{_GIVE_UP_SECONDS:.0f} s.",
                expected="a turn in between",
                hint="look at the experiment `nocturne.history` in MLflow, and try again",
            )
        if self._n_taken:
            time.sleep(random.uniform(*_PAUSE_SECONDS))  # noqa: S311 - no secret
        self._n_taken += 1
