"""The history of a model's champions: one MLflow run per change, never altered once it is done.

Ground module; ``tasks.registry.champion`` writes it, everybody reads. MLflow itself forgets where an
alias pointed before (mlflow#2169).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from tasks.settings import Settings
from tasks.tracking import tags

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

# The dot keeps it apart from every workflow's experiment: a workflow's name has none.
EXPERIMENT = "nocturne.history"
MAX_WHY_CHARACTERS = 2000
_PAGE_SIZE = 1000
_DESCRIPTION = (
    "Who was champion from when to when, and why: one run per change, written by Nocturne."
)

Action = Literal[
    "promoted",  # by a night's gate
    "approved",  # by a person who was asked
    "rolled_back",  # by a person
    "moved_by_hand",  # the alias was found on another version than the last change had left it on
    "removed_by_hand",  # the alias, or the version it was on, was found deleted
    "found",  # a champion from before there was a history
    "declined",  # a person who was asked said no
    "not_answered",  # nobody answered in time
    "refused",  # a person said yes, but the champion was no longer the one compared with
    "withdrawn",  # another question took its place
]
REMARKS: frozenset[Action] = frozenset({"declined", "not_answered", "refused", "withdrawn"})
"""What is worth remembering though the champion stays."""

State = Literal["intended", "done", "void"]
# An entry's state is its run's status: one call of MLflow sets it, and the UI shows it.
_STATES: dict[str, State] = {"FINISHED": "done", "KILLED": "void", "FAILED": "void"}
_STATUSES: dict[State, str] = {"done": "FINISHED", "void": "KILLED"}


@dataclass(frozen=True)
class Change:
    """An entry of the history.

    Parameters
    ----------
    model : str
        The registered model.
    version : str or None
        The champion from then on; None where there was none any more. Of a remark the version it
        is about.
    previous : str or None
        The champion before; None where there was none.
    action : str
        What was done: ``promoted``, ``rolled_back`` and so on.
    by : str
        Who: a night, or a person's name.
    why : str
        In words.
    at : datetime
        When, in UTC. Of what was done by hand, when it was noticed.
    until : datetime or None
        When the next champion took over; None for the present one, and for remarks.
    key : str
        Identifies the change from try to try.
    run_id : str
        The entry's MLflow run.
    """

    model: str
    version: str | None
    previous: str | None
    action: Action
    by: str
    why: str
    at: datetime
    until: datetime | None
    key: str
    run_id: str

    @property
    def is_remark(self) -> bool:
        """Whether the champion stayed."""
        return self.action in REMARKS

    def to_json(self) -> dict[str, Any]:
        """Make a mapping that JSON can carry; ``at`` and ``until`` become ``from`` and ``to``."""
        document = asdict(self)
        began, ended = document.pop("at"), document.pop("until")
        return {
            "from": began.isoformat(),
            "to": ended.isoformat() if ended else None,
            **document,
        }


@dataclass(frozen=True)
class Entry:
    """An entry as it lies in MLflow, done or not.

    Parameters
    ----------
    change : Change
        Its ``until`` is None.
    state : {"intended", "done", "void"}
        Intended before the alias is moved, done afterwards; void where it was not moved.
    lock : str
        The lock under which it was begun.
    """

    change: Change
    state: State
    lock: str


def list_changes(client: MlflowClient, name: str) -> list[Change]:
    """List what has been done about a model's champion, oldest first.

    Parameters
    ----------
    client : mlflow.MlflowClient
    name : str
        The registered model: the workflow's name.

    Returns
    -------
    list of Change
        Each with the time until which its version was champion; among them the remarks, after which
        the champion stayed. Empty for a model that nobody knows.
    """
    return select_done(read_entries(client, name))


def get_champion(changes: Sequence[Change]) -> Change | None:
    """Get the change by which the present champion became it; None before the first one.

    Its version is None where the last champion was removed by hand.
    """
    return next((change for change in reversed(changes) if not change.is_remark), None)


def list_rolled_back(changes: Iterable[Change]) -> dict[str, Change]:
    """List the versions that are not promoted again by themselves, each with its rollback.

    A version that a person made champion again, by an approval or another rollback, is none of them.

    Parameters
    ----------
    changes : iterable of Change
        Oldest first.

    Returns
    -------
    dict of str to Change
        By version.
    """
    found: dict[str, Change] = {}
    for change in changes:
        if change.action in ("rolled_back", "approved") and change.version is not None:
            found.pop(change.version, None)
        if change.action == "rolled_back" and change.previous is not None:
            found[change.previous] = change
    return found


def read_entries(client: MlflowClient, name: str) -> list[Entry]:
    """Read all entries of a model, done or not, oldest first: one search, whatever nights there were."""
    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        return []
    runs: list[Run] = []
    token = None
    while True:
        page = client.search_runs(
            [experiment.experiment_id],
            filter_string=f"tags.`{tags.MODEL_NAME}` = {_quote(name)}",
            max_results=_PAGE_SIZE,
            page_token=token,
        )
        runs += page
        token = page.token
        if not token:
            break
    return sorted(
        (_read(run) for run in runs), key=lambda entry: (entry.change.at, entry.change.run_id)
    )


def select_done(entries: Iterable[Entry]) -> list[Change]:
    """Select what was done, with the time until which each version was champion."""
    changes: list[Change] = []
    reigns: int | None = None
    for entry in entries:
        if entry.state != "done":
            continue
        if not entry.change.is_remark:
            if reigns is not None:
                changes[reigns] = replace(changes[reigns], until=entry.change.at)
            reigns = len(changes)
        changes.append(entry.change)
    return changes


def write_entry(
    client: MlflowClient,
    settings: Settings,
    *,
    model: str,
    version: str | None,
    previous: str | None,
    action: Action,
    by: str,
    why: str,
    key: str,
    lock: str,
    after: datetime | None,
) -> Change:
    """Write an entry as intended, in one call of MLflow.

    Parameters
    ----------
    client : mlflow.MlflowClient
    settings : Settings
    model, version, previous, action, by, why, key
        As in :class:`Change`; ``why`` is cut after :data:`MAX_WHY_CHARACTERS`.
    lock : str
        The lock that is held.
    after : datetime or None
        The time of the latest entry: this one gets a later one, whatever the clocks say.
    """
    why = why if len(why) <= MAX_WHY_CHARACTERS else f"{why[: MAX_WHY_CHARACTERS - 1]}…"
    run_tags = {
        tags.MODEL_NAME: model,
        tags.ACTION: action,
        tags.BY: by,
        tags.WHY: why,
        tags.KEY: key,
        tags.LOCK: lock,
        tags.MLFLOW_NOTE: why,
        **({tags.MODEL_VERSION: version} if version is not None else {}),
        **({tags.PREVIOUS_VERSION: previous} if previous is not None else {}),
    }
    now = int(time.time() * 1000)
    if after is not None:
        now = max(now, round(after.timestamp() * 1000) + 1)
    what = action.replace("_", " ")
    run = client.create_run(
        _ensure_experiment(client, settings),
        start_time=now,
        tags=run_tags,
        run_name=f"{model}: {what if version is None else f'version {version} {what}'}",
    )
    return _read(run).change


def close_entry(client: MlflowClient, run_id: str, state: Literal["done", "void"]) -> None:
    """Say what became of an intended entry, in one call of MLflow."""
    client.set_terminated(run_id, status=_STATUSES[state])


def _read(run: Run) -> Entry:
    found = run.data.tags
    change = Change(
        model=found[tags.MODEL_NAME],
        version=found.get(tags.MODEL_VERSION),
        previous=found.get(tags.PREVIOUS_VERSION),
        action=found[tags.ACTION],
        by=found[tags.BY],
        why=found[tags.WHY],
        at=datetime.fromtimestamp(run.info.start_time / 1000, UTC),
        until=None,
        key=found[tags.KEY],
        run_id=run.info.run_id,
    )
    return Entry(change, _STATES.get(run.info.status, "intended"), found[tags.LOCK])


def _quote(text: str) -> str:
    """Quote a text for MLflow's filters, which know no escape; a text with both quotes finds nothing."""
    mark = '"' if "'" in text else "'"
    return f"{mark}{text.replace(mark, '')}{mark}"


def _ensure_experiment(client: MlflowClient, settings: Settings) -> str:
    from mlflow.exceptions import MlflowException

    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        root = settings.artifact_location
        try:
            return str(
                client.create_experiment(
                    EXPERIMENT,
                    artifact_location=f"{root}/{EXPERIMENT}" if root else None,
                    tags={
                        tags.MLFLOW_NOTE: _DESCRIPTION,
                        tags.MLFLOW_EXPERIMENT_KIND: "custom_model_development",
                    },
                )
            )
        except MlflowException:
            # Two first changes at once: the other one made it.
            experiment = client.get_experiment_by_name(EXPERIMENT)
            if experiment is None:
                raise
    if experiment.lifecycle_stage == "deleted":
        client.restore_experiment(experiment.experiment_id)
    return str(experiment.experiment_id)
