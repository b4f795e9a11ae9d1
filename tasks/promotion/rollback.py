"""Rollback: an earlier champion takes its place again, because a person says so.

Called by ``nocturne rollback`` and by the DAG ``rollback``; without a night.
"""

from __future__ import annotations

import json
import logging
import shutil
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.errors import NocturneError, PromotionError, RequestError, TrackingError
from tasks.models.smoke import run_smoke_test
from tasks.registry import (
    Change,
    ModelVersion,
    check_model,
    crown,
    find_change,
    find_version,
    get_champion,
    list_rolled_back,
    reconcile,
)
from tasks.registry.history import MAX_WHY_CHARACTERS
from tasks.settings import Settings
from tasks.tracking import Handoff, connect, fetch_artifact, tags
from tasks.tracking.nights import scratch_folder
from tasks.tracking.translation import translate_error

if TYPE_CHECKING:
    from mlflow import MlflowClient

logger = logging.getLogger(__name__)

EXAMPLE = "example"  # the subfolder of a night's scores
_PASSED = "promote"  # the gate's verdict on a version that it lets through by itself


def roll_back(
    settings: Settings,
    name: str,
    version: str | None = None,
    *,
    why: str,
    by: str,
    key: str | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Change:
    """Make an earlier version champion again, after it has loaded and predicted in a fresh process.

    The version that was champion is not promoted again by itself, nor another that has learned the
    same; to roll back to it lifts that.

    Parameters
    ----------
    settings : Settings
    name : str
        The registered model: the workflow's name.
    version : str, optional
        Its number, or an alias. By default the champion before this one; not twice in a row, so that
        who asks twice does not go back by two.
    why : str
        For the history.
    by : str
        Who asks.
    key : str, optional
        Identifies the rollback from try to try; by default every call is another one.
    tell : callable, optional
        Told what goes on.

    Returns
    -------
    Change
        The entry in the history.

    Raises
    ------
    RequestError
        When there is no such model or version, it is champion already, it never passed the gate, or
        no reason is given.
    PromotionError
        When the version does not load or does not predict what it did in its night, or another
        champion has come meanwhile.
    ServiceError
        When MLflow does not answer.
    """
    why = _check_why(why)
    key = key or f"rollback/{uuid.uuid4().hex}"
    try:
        return _roll_back(settings, name, version, why=why, by=by, key=key, tell=tell)
    except Exception as error:
        translated = translate_error(error, settings, "rollback")
        if translated is None:
            raise
        raise translated from error


def _roll_back(
    settings: Settings,
    name: str,
    version: str | None,
    *,
    why: str,
    by: str,
    key: str,
    tell: Callable[[str], None],
) -> Change:
    client = connect(settings)
    check_model(client, name)
    tell("looking at the history")
    changes = reconcile(client, settings, name)
    made = find_change(changes, key)
    if made is None:
        champion = get_champion(changes)
        current = champion.version if champion else None
        target = _choose_target(client, name, version, changes)
        tell(f"trying version {target.version} in a fresh process")
        _check_serves(client, settings, target)
        tell(f"moving the alias to version {target.version}")
        made = crown(
            client,
            settings,
            name,
            target.version,
            expected=current,
            action="rolled_back",
            by=by,
            why=why,
            key=key,
        )
    _mark(client, made)
    logger.info("%s: version %s took over from %s.", name, made.version, made.previous)
    return made


def _check_why(why: str) -> str:
    why = why.strip()
    if not why:
        raise RequestError(
            "No reason for the rollback was given.",
            expected="a sentence that those who look at the history will understand",
            hint="say why, for example --why 'confuses 4 and 9 since last night'",
        )
    if len(why) > MAX_WHY_CHARACTERS:
        raise RequestError(
            f"The reason for the rollback has {len(why):,} characters.",
            expected=f"at most {MAX_WHY_CHARACTERS:,}",
            hint="say it shorter, and where more is to be read",
        )
    return why


def _choose_target(
    client: MlflowClient, name: str, version: str | None, changes: Sequence[Change]
) -> ModelVersion:
    """Find the version that is asked for, or the champion before this one, if it may be one."""
    champion = get_champion(changes)
    current = champion.version if champion else None
    if version is None:
        return _find_previous(client, name, changes)
    target = find_version(client, name, version)
    if target.version == current:
        raise RequestError(
            f"Version {current} of {name!r} is the champion.",
            expected="another version",
            hint=f"see `nocturne history {name}`",
        )
    reigned = {change.version for change in changes if not change.is_remark}
    verdict = target.tags.get(tags.VERDICT)
    if target.version not in reigned and verdict != _PASSED:
        raise RequestError(
            f"Version {target.version} of {name!r} never passed the gate: its verdict was "
            f"{verdict!r}, and it was never champion.",
            expected="a version that was champion, or that the gate let through",
            hint=f"see `nocturne history {name}` for those that were champion",
        )
    return target


def _find_previous(client: MlflowClient, name: str, changes: Sequence[Change]) -> ModelVersion:
    champion = get_champion(changes)
    candidates = _list_earlier(changes)
    named = f"; version {candidates[0]} comes before it" if candidates else ""
    if champion is not None and champion.action == "rolled_back":
        raise RequestError(
            f"Version {champion.version} of {name!r} is champion by a rollback already: by "
            f"{champion.by} at {champion.at:%Y-%m-%d %H:%M} UTC, because: {champion.why}",
            expected=f"a version by its number, to go back further{named}",
            hint=f"see `nocturne history {name}`",
        )
    for number in candidates:
        try:
            return find_version(client, name, number)
        except NocturneError:  # deleted, or registered by somebody else
            logger.info("Version %s of %s cannot be rolled back to.", number, name, exc_info=True)
    raise RequestError(
        f"No other version of {name!r} was champion before, or those that were are deleted.",
        expected="a version that was champion",
        hint="name one that the gate let through; the versions are in MLflow under Models",
    )


def _list_earlier(changes: Sequence[Change]) -> list[str]:
    """List the champions before this one, the latest first, without those that were rolled back from."""
    champion = get_champion(changes)
    passed_over = {champion.version if champion else None, *list_rolled_back(changes)}
    reigned = (change.version for change in reversed(changes) if not change.is_remark)
    return list(dict.fromkeys(v for v in reigned if v is not None and v not in passed_over))


def _check_serves(client: MlflowClient, settings: Settings, target: ModelVersion) -> None:
    """Check in a fresh process that a version loads, and predicts what it did in its night."""
    scratch = scratch_folder(settings, f"rollback-{uuid.uuid4().hex}")
    try:
        try:
            model = fetch_artifact(client, target.model, scratch / "model")
        except TrackingError as error:
            raise PromotionError(
                f"The files of version {target.version} of {target.name!r} are gone or were "
                f"altered: {error.what}",
                expected=error.expected,
                hint=f"choose another version: `nocturne history {target.name}`",
            ) from error
        report = run_smoke_test(model, _fetch_example(client, target, scratch))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if not report.passed:
        raise PromotionError(
            f"Version {target.version} of {target.name!r} fails the smoke test: {report.reason}",
            expected="a model that loads in a fresh process and predicts as it did in its night",
            hint=f"choose another version: `nocturne history {target.name}`; the champion stays",
        )
    logger.info("Version %s of %s: %s", target.version, target.name, report.reason)


def _fetch_example(client: MlflowClient, target: ModelVersion, scratch: Path) -> Path | None:
    """Fetch the rows that a version predicted in its night; None where they are no more."""
    if tags.EXAMPLE not in target.tags:
        return None  # from before there were examples
    handoff = Handoff.from_json(json.loads(target.tags[tags.EXAMPLE]))
    try:
        folder = fetch_artifact(client, handoff, scratch / "scores") / EXAMPLE
    except TrackingError:
        # Old nights may be cleared away. That is no reason to keep a champion that somebody wants gone.
        logger.warning("The example of version %s is gone: it is only loaded.", target.version, exc_info=True)  # fmt: skip
        return None
    return folder if folder.is_dir() else None


def _mark(client: MlflowClient, change: Change) -> None:
    """Show on the versions who was rolled back from; what counts is the history."""
    if change.previous is not None and _exists(client, change.model, change.previous):
        client.set_model_version_tag(
            change.model,
            change.previous,
            tags.ROLLED_BACK,
            f"{change.at.isoformat()} by {change.by}: {change.why}",
        )
    client.delete_model_version_tag(change.model, str(change.version), tags.ROLLED_BACK)


def _exists(client: MlflowClient, name: str, version: str) -> bool:
    try:
        find_version(client, name, version)
    except RequestError:
        return False
    except PromotionError:
        return True  # registered by somebody else
    return True
