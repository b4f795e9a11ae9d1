"""The Airflow assets of the house: a workflow has another champion, and its rows have drifted away.

Used by the DAG files that tell of either and by those that start on it. An asset's name is all that
they share, so it is made here alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import Asset, AssetAlias, get_current_context

CHAMPION_CHANGED = AssetAlias("nocturne_champion_changed")
"""The outlet of every task that may move a champion; an event goes on to the workflow's own asset.

An asset as an outlet would tell of a change whenever the task succeeds, also where the champion stays.
"""


DRIFTED = AssetAlias("nocturne_drifted")
"""The outlet of the task that scores; an event goes on to the asset of the workflow whose rows drifted."""

ROWS_ARRIVED = Asset(name="nocturne_rows")
"""Told from outside, by POST to `/api/v2/assets/events`, with ``{"workflow": <name>}`` as extra: new rows are there."""


def get_champion_asset(workflow: str) -> Asset:
    """Get the asset of a workflow's champion: an event for each time that it has become another one."""
    return Asset(name=f"nocturne_champion_{workflow}")


def get_drift_asset(workflow: str) -> Asset:
    """Get the asset of a workflow's drift: an event where new rows are too far from the training rows."""
    return Asset(name=f"nocturne_drift_{workflow}")


def announce_champion(workflow: str, *, version: str, previous: str | None, action: str) -> None:
    """Tell Airflow that a workflow has another champion, from a task with that outlet.

    The event is written when the task succeeds, and not at all where it fails.

    Parameters
    ----------
    workflow : str
    version : str
        The champion now.
    previous : str or None
        The champion before; None where there was none.
    action : str
        What made it so: ``promoted``, ``approved`` or ``rolled_back``.
    """
    get_current_context()["outlet_events"][CHAMPION_CHANGED].add(
        get_champion_asset(workflow),
        extra={"version": version, "previous": previous, "action": action},
    )


def announce_drift(workflow: str, *, version: str, sentence: str, columns: list[str]) -> None:
    """Tell Airflow that a workflow's rows have drifted away, from a task with that outlet.

    Parameters
    ----------
    workflow : str
    version : str
        The champion that they have drifted away from.
    sentence : str
        What was found.
    columns : list of str
        Those that drift.
    """
    get_current_context()["outlet_events"][DRIFTED].add(
        get_drift_asset(workflow),
        extra={"version": version, "sentence": sentence, "columns": columns},
    )


def read_workflow_name(asset: str, extra: Mapping[str, Any]) -> str | None:
    """Read from an event whose champion changed, or whose rows have arrived.

    Parameters
    ----------
    asset : str
        The event's asset, by name.
    extra : mapping
        What it carries.

    Returns
    -------
    str or None
        A workflow's name; None where the event names none.
    """
    prefix = get_champion_asset("").name
    if asset.startswith(prefix):
        return asset.removeprefix(prefix)
    name = extra.get("workflow")
    return name if isinstance(name, str) else None
