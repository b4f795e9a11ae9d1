"""Ask a person about a challenger: what is to be asked, and which questions are no longer.

Called by the task ``ask`` of the nights and by the DAG ``approval``; ``tasks.promotion.approval`` carries
the answer out.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tasks.promotion.awaiting import (
    check_awaits,
    get_question_key,
    in_our_words,
    make_entry_key,
    note_outcome,
    read_decision,
    say_answer,
)
from tasks.promotion.question import Question, say_subject, write_body
from tasks.registry import Change, ModelVersion, find_change, find_version, reconcile, record
from tasks.settings import Settings
from tasks.tracking import Night, connect, tags
from tasks.tracking.nights import read_pinned_workflow

if TYPE_CHECKING:
    from mlflow import MlflowClient


def find_question(settings: Settings, night: Night) -> Question | None:
    """Find what is to be asked about a night's challenger, and withdraw what it makes needless.

    A challenger that is asked about, or was promoted, takes the place of those of earlier nights that
    still await their answer.

    Parameters
    ----------
    settings : Settings
    night : Night

    Returns
    -------
    Question or None
        None where the gate has decided by itself, and where the question was answered or withdrawn.

    Raises
    ------
    TrackingError
        When the night's decision is no longer there.
    ServiceError
        When MLflow does not answer.
    """
    with in_our_words(settings):
        client = connect(settings)
        number = client.get_run(night.run_id).data.tags.get(tags.MODEL_VERSION)
        if number is None:
            return None
        version = find_version(client, night.workflow, number)
        changes = reconcile(client, settings, version.name)
        _withdraw_older(client, settings, version, changes)
        version = find_version(client, night.workflow, number)
        if tags.AWAITING not in version.tags:
            return None
        entry_key = make_entry_key(version.version, get_question_key(version))
        answered = find_change(changes, entry_key)
        if answered is not None:  # the task promote was cleared after the answer
            note_outcome(client, version, say_answer(answered))
            return None
        return _read_question(client, settings, version)


def read_question(settings: Settings, name: str, version: str) -> Question:
    """Read what is to be asked about a version that awaits its answer.

    Parameters
    ----------
    settings : Settings
    name, version : str
        The registered model and the challenger.

    Returns
    -------
    Question

    Raises
    ------
    RequestError
        When there is no such version, or it awaits no answer.
    TrackingError
        When its night's decision is no longer there.
    ServiceError
        When MLflow does not answer.
    """
    with in_our_words(settings):
        client = connect(settings)
        found = find_version(client, name, version)
        check_awaits(found)
        return _read_question(client, settings, found)


def _withdraw_older(
    client: MlflowClient, settings: Settings, version: ModelVersion, changes: Sequence[Change]
) -> None:
    """Withdraw the questions about versions in whose place a newer one has come."""
    awaiting = [
        find_version(client, version.name, str(found.version))
        for found in client.search_model_versions(f"name = '{version.name}'", max_results=10_000)
        if tags.AWAITING in found.tags
    ]
    reigned = any(c.version == version.version and not c.is_remark for c in changes)
    in_place = [*awaiting, version] if reigned else awaiting
    if not in_place:
        return
    newest = max(in_place, key=_get_number)
    for older in awaiting:
        if _get_number(older) < _get_number(newest):
            said = record(
                client,
                settings,
                older.name,
                older.version,
                action="withdrawn",
                by=f"the night of {newest.tags[tags.NIGHT_DATE]}",
                why=f"version {newest.version} takes its place",
                key=make_entry_key(older.version, get_question_key(older)),
            )
            note_outcome(client, older, say_answer(said))


def _get_number(version: ModelVersion) -> int:
    return int(version.version)


def _read_question(client: MlflowClient, settings: Settings, version: ModelVersion) -> Question:
    document = read_decision(client, settings, version)
    night = _read_night(client, version)
    workflow, _ = read_pinned_workflow(client, night)
    hours, uri = workflow.promotion.approval_hours, settings.tracking_uri
    link = (
        f"{uri}/#/experiments/{night.experiment_id}/runs/{night.run_id}"
        if uri.startswith("http")
        else f"MLflow run {night.run_id}"
    )
    return Question(
        name=version.name,
        version=version.version,
        key=get_question_key(version),
        subject=say_subject(version.name, version.version, document),
        body=write_body(
            document,
            version=version.version,
            night=night.date.isoformat(),
            link=link,
            hours=hours,
        ),
        hours=hours,
    )


def _read_night(client: MlflowClient, version: ModelVersion) -> Night:
    run = client.get_run(version.tags[tags.NIGHT_RUN])
    return Night(
        workflow=run.data.tags[tags.WORKFLOW],
        date=datetime.date.fromisoformat(run.data.tags[tags.NIGHT_DATE]),
        run_id=run.info.run_id,
        experiment_id=run.info.experiment_id,
        seed=int(run.data.tags[tags.SEED]),
    )
