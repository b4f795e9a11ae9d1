"""What others have left open in a model's history, and whether anybody else is at work.

Used by ``tasks.registry.champion`` alone, which holds the model's lock meanwhile.
"""

from __future__ import annotations

import logging
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from tasks.registry.history import (
    Action,
    Change,
    Entry,
    close_entry,
    get_champion,
    read_entries,
    select_done,
    write_entry,
)
from tasks.registry.versions import CHAMPION, find_alias
from tasks.settings import Settings

if TYPE_CHECKING:
    from mlflow import MlflowClient

logger = logging.getLogger(__name__)

# A call of MLflow that gets no answer is given up after 127 s (four tries of 30 s and the pauses
# between them, tasks/tracking/client.py), and nobody begins that call after MOVE_WITHIN_SECONDS. So an
# intended entry of another machine that is older than both together belongs to nobody.
MOVE_WITHIN_SECONDS = 30.0
LEASE_SECONDS = 180.0
NOBODY = "unknown"  # who moved an alias by hand is not recorded by MLflow


def settle(client: MlflowClient, settings: Settings, name: str, lock: str) -> list[Entry] | None:
    """Close what others have left open, and note what was moved by hand.

    Parameters
    ----------
    client : mlflow.MlflowClient
    settings : Settings
    name : str
        The registered model.
    lock : str
        The lock that is held.

    Returns
    -------
    list of Entry or None
        All of them, after which the alias stands where the history says; None while another machine
        is at work.
    """
    entries = read_entries(client, name)
    alias = find_alias(client, name, CHAMPION)
    for i, entry in enumerate(entries):
        if entry.state != "intended":
            continue
        if _is_at_work(entry, lock):
            return None
        state: Literal["done", "void"] = (
            "done" if _has_happened(entry.change, alias, entries) else "void"
        )
        close_entry(client, entry.change.run_id, state)
        entries[i] = replace(entry, state=state)
    reigning = get_champion(select_done(entries))
    champion = reigning.version if reigning else None
    if alias == champion:
        return entries
    if alias is None:
        action: Action = "removed_by_hand"
        why = f"the alias was gone, and the last change had left it on {say_version(champion)}"
    elif reigning is None:
        action, why = "found", "was champion when the history began"
    else:
        action = "moved_by_hand"
        why = f"the alias was on {say_version(alias)}, and the last change had left it on {say_version(champion)}"
    change = write_entry(
        client, settings, model=name, version=alias, previous=champion, action=action, by=NOBODY,
        why=why, key=f"{action}/{uuid.uuid4().hex}", lock=lock, after=get_latest(entries),
    )  # fmt: skip
    if not is_alone(client, change, entries, alias=alias):
        close_entry(client, change.run_id, "void")
        return None
    close_entry(client, change.run_id, "done")
    logger.warning("The champion of %s: %s.", name, why)
    return [*entries, Entry(change, "done", lock)]


def is_alone(
    client: MlflowClient, change: Change, before: list[Entry], *, alias: str | None
) -> bool:
    """Whether nobody else has begun or made a change since the entries were read, nor moved the alias."""

    def list_others(entries: list[Entry]) -> set[tuple[str, str]]:
        return {
            (entry.change.run_id, entry.state)
            for entry in entries
            if entry.state != "void"
            and not entry.change.is_remark
            and entry.change.run_id != change.run_id
        }

    now = read_entries(client, change.model)
    return (
        list_others(now) == list_others(before)
        and find_alias(client, change.model, CHAMPION) == alias
    )


def get_latest(entries: list[Entry]) -> datetime | None:
    """Get the time of the latest entry."""
    return entries[-1].change.at if entries else None


def say_version(version: str | None) -> str:
    """Name a version, or its absence, in a sentence."""
    return "none" if version is None else f"version {version}"


def _is_at_work(entry: Entry, lock: str) -> bool:
    """Whether somebody on another machine may still go on with an intended entry."""
    if entry.change.is_remark or entry.lock == lock:
        return False
    return (datetime.now(UTC) - entry.change.at).total_seconds() < LEASE_SECONDS


def _has_happened(change: Change, alias: str | None, entries: list[Entry]) -> bool:
    """Whether what was intended, by somebody who is gone, was done."""
    if change.is_remark:
        return True
    reigning = get_champion(select_done(entries))
    if reigning is None:
        return change.version == alias
    return change.version == alias != reigning.version and reigning.at < change.at
