"""Approval: what a person has answered about a challenger is carried out, and remembered.

Called by the DAG ``approval``; ``tasks.promotion.asking`` asks.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.errors import PromotionError, RequestError
from tasks.promotion.awaiting import (
    check_awaits,
    get_question_key,
    in_our_words,
    make_entry_key,
    note_outcome,
    read_decision,
    say_answer,
)
from tasks.registry import (
    Change,
    ModelVersion,
    crown,
    find_change,
    find_version,
    get_champion,
    reconcile,
    record,
)
from tasks.settings import Settings
from tasks.tracking import connect

if TYPE_CHECKING:
    from mlflow import MlflowClient

logger = logging.getLogger(__name__)

NOBODY = "nobody"
_NO_COMMENT = "no comment"


@dataclass(frozen=True)
class Answer:
    """What has become of an answer.

    Parameters
    ----------
    change : Change or None
        By which the version is champion; None where the answer has changed nothing.
    sentence : str
        The same in words.
    """

    change: Change | None
    sentence: str


def answer(
    settings: Settings,
    name: str,
    version: str,
    key: str,
    *,
    approved: bool,
    by: str | None,
    why: str,
) -> Answer:
    """Carry out what a person has answered, and write into the history who it was.

    Every line can be repeated: a second call with the same answer changes nothing.

    Parameters
    ----------
    settings : Settings
    name, version, key : str
        Of the question (:class:`tasks.promotion.question.Question`).
    approved : bool
    by : str or None
        Who answered; None where nobody did in time, which means no.
    why : str
        The comment; may be empty.

    Returns
    -------
    Answer

    Raises
    ------
    PromotionError
        When the answer cannot be carried out: the version was approved, but another champion reigns
        than the one it was compared with (which the history notes as refused); the question was
        withdrawn or answered otherwise meanwhile; or the night was judged again since.
    RequestError
        When a version was approved that is no longer there, or awaits no answer.
    ServiceError
        When MLflow does not answer.
    """
    why = why.strip() or _NO_COMMENT
    with in_our_words(settings):
        client = connect(settings)
        try:
            found = find_version(client, name, version)
            said = find_change(reconcile(client, settings, name), make_entry_key(version, key))
            if said is None:
                check_awaits(found, key)
        except (PromotionError, RequestError) as error:
            if approved:
                raise
            return Answer(None, f"{error.what} Nothing is left to decline.")
        if said is None:
            said = (
                _approve(client, settings, found, by=by or NOBODY, why=why)
                if approved
                else _decline(client, settings, found, by=by, why=why)
            )
        sentence = say_answer(said)
        if key == get_question_key(found):
            note_outcome(client, found, sentence)
        logger.info("Version %s of %s: %s.", version, name, sentence)
        _check_carried_out(said, approved=approved, by=by)
        champion = get_champion(reconcile(client, settings, name))
        is_ours = champion is not None and champion.key == said.key and said.by == by
        return Answer(said if is_ours else None, f"Version {version} of {name}: {sentence}.")


def _approve(
    client: MlflowClient, settings: Settings, version: ModelVersion, *, by: str, why: str
) -> Change:
    """Make the version champion; where it cannot be any more, that is what is written down."""
    document = read_decision(client, settings, version)
    champion = document["champion"]
    key = make_entry_key(version.version, get_question_key(version))
    try:
        return crown(
            client,
            settings,
            version.name,
            version.version,
            expected=champion["version"] if champion else None,
            action="approved",
            by=by,
            why=f"{why} (the gate: {document['reason']})",
            key=key,
        )
    except PromotionError as error:
        return record(
            client,
            settings,
            version.name,
            version.version,
            action="refused",
            by=by,
            why=f"approved ({why}), but the comparison no longer holds: {error.what}",
            key=key,
        )


def _decline(
    client: MlflowClient, settings: Settings, version: ModelVersion, *, by: str | None, why: str
) -> Change:
    return record(
        client,
        settings,
        version.name,
        version.version,
        action="declined" if by else "not_answered",
        by=by or NOBODY,
        why=why if by else "no answer in time",
        key=make_entry_key(version.version, get_question_key(version)),
    )


def _check_carried_out(said: Change, *, approved: bool, by: str | None) -> None:
    """Check that what the history says is what this person wanted."""
    if approved and said.is_remark:
        raise PromotionError(
            f"Version {said.version} of {said.model!r} does not become champion, though {by} "
            f"approved it: {say_answer(said)}.",
            expected="an open question, and the champion with which the version was compared",
            hint="nothing: the champion stays, and the next night compares again",
        )
    if by and not approved and not said.is_remark:
        raise PromotionError(
            f"Version {said.version} of {said.model!r} cannot be declined by {by} any more: "
            f"{say_answer(said)}.",
            expected="an open question",
            hint="where the version must go, roll back: `nocturne rollback`",
        )
