"""A version that awaits a person's answer: its question's key, its decision, and what becomes of it.

Used by ``tasks.promotion.asking`` and ``tasks.promotion.approval``. A question is about a version and its
night's decision and has one answer: the entry of the history under the question's key. Silence is an
answer too.
"""

from __future__ import annotations

import json
import logging
import shutil
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tasks.errors import PromotionError, RequestError
from tasks.registry import Change, ModelVersion
from tasks.settings import Settings
from tasks.tracking import Handoff, fetch_artifact, tags
from tasks.tracking.nights import scratch_folder
from tasks.tracking.translation import translate_error

if TYPE_CHECKING:
    from mlflow import MlflowClient

logger = logging.getLogger(__name__)

_N_KEY_CHARACTERS = 12  # of the decision's SHA-256: enough to tell a version's questions apart


def get_question_key(version: ModelVersion) -> str:
    """Get the key of the question about a version: another one when its night is judged again."""
    return str(json.loads(version.tags[tags.DECISION])["sha256"])[:_N_KEY_CHARACTERS]


def make_entry_key(version: str, question_key: str) -> str:
    """Make the key of the entry of the history that is the answer to a question."""
    return f"approval/{version}/{question_key}"


def check_awaits(version: ModelVersion, question_key: str | None = None) -> None:
    """Check that a version awaits an answer, to the question with this key where one is given.

    Raises
    ------
    RequestError
        When it awaits none.
    PromotionError
        When its night was judged again since it was asked about.
    """
    if question_key not in (None, get_question_key(version)):
        raise PromotionError(
            f"The night of version {version.version} of {version.name!r} was judged again since "
            "this was asked.",
            expected="an answer to what the gate says now",
            hint="answer the newer run of the DAG approval, if the gate asks at all",
        )
    if tags.AWAITING not in version.tags:
        raise RequestError(
            f"Version {version.version} of {version.name!r} awaits no answer; it was last said of "
            f"it: {version.tags.get(tags.PROMOTION, 'nothing')}.",
            expected=f"a version with the tag {tags.AWAITING!r}",
            hint="see the versions in MLflow under Models; the next night may ask about another",
        )


def read_decision(
    client: MlflowClient, settings: Settings, version: ModelVersion
) -> Mapping[str, Any]:
    """Read what the gate has said of a version: the document ``decision.json`` of its night.

    Raises
    ------
    TrackingError
        When it is no longer there or was altered.
    """
    handoff = Handoff.from_json(json.loads(version.tags[tags.DECISION]))
    scratch = scratch_folder(settings, f"approval-{uuid.uuid4().hex}")
    try:
        path = fetch_artifact(client, handoff, scratch)
        document: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return document


def note_outcome(client: MlflowClient, version: ModelVersion, sentence: str) -> None:
    """Show on the version and on its night what has become of it; what counts is the history."""
    client.set_model_version_tag(version.name, version.version, tags.PROMOTION, sentence)
    _note_on_night(client, version, sentence)
    client.delete_model_version_tag(version.name, version.version, tags.AWAITING)


def _note_on_night(client: MlflowClient, version: ModelVersion, sentence: str) -> None:
    from mlflow.exceptions import MlflowException

    run_id = version.tags[tags.NIGHT_RUN]
    try:
        client.set_tag(run_id, tags.PROMOTION, sentence)
    except MlflowException as error:
        # A night may be deleted; that is no reason to lose an answer.
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        logger.info("The night %s is gone: %s", run_id, error)


def say_answer(change: Change) -> str:
    """Say in words what an entry of the history says."""
    what = change.action.replace("_", " ")
    return f"{what} by {change.by} on {change.at:%Y-%m-%d %H:%M} UTC: {change.why}"


@contextmanager
def in_our_words(settings: Settings) -> Iterator[None]:
    """Say in the house's words what MLflow reports, so that the task is tried again."""
    try:
        yield
    except Exception as error:
        translated = translate_error(error, settings, "approval")
        if translated is None:
            raise
        raise translated from error
