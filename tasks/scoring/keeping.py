"""The profile that is kept with a version: made at its first scoring, found by a tag afterwards.

Shell of the scoring stage beside ``step.py``: reads and writes MLflow.
"""

from __future__ import annotations

import json
import logging

from tasks.dataset import Dataset
from tasks.errors import NocturneError
from tasks.scoring.batches import Predict
from tasks.scoring.champion import Champion, TrainingNight, find_training_night
from tasks.scoring.inputs import InputView
from tasks.scoring.profile import Profile, profile_rows, profile_series
from tasks.tracking import Handoff, Step, tags

logger = logging.getLogger(__name__)


def prepare_profile(
    step: Step, champion: Champion, predict: Predict
) -> tuple[Profile | None, str | None, TrainingNight | None]:
    """Fetch the profile of the champion, or make it and tag the version with its address.

    Parameters
    ----------
    step : Step
        Of the scoring: a profile that is made is an artifact of its run.
    champion : Champion
    predict : callable
        The champion's.

    Returns
    -------
    profile : Profile or None
    problem : str or None
        Why there is none: scoring goes on without it where the rows of then are gone.
    trained : TrainingNight or None
    """
    try:
        trained = find_training_night(step.client, champion.version)
    except NocturneError as error:
        logger.warning("No drift: %s", error.what)
        return None, error.what.rstrip("."), None
    try:
        profile = _fetch(step, champion) or _make(step, champion, trained, predict)
    except NocturneError as error:
        logger.warning("No drift: %s", error.what)
        return None, error.what.rstrip("."), trained
    return profile, None, trained


def _fetch(step: Step, champion: Champion) -> Profile | None:
    text = champion.version.tags.get(tags.PROFILE)
    if text is None:
        return None
    try:
        return Profile.read(step.fetch(Handoff.from_json(json.loads(text))))
    except (NocturneError, ValueError, KeyError, OSError) as error:
        logger.warning("The champion's profile is made anew: %s", error)
        return None


def _make(step: Step, champion: Champion, trained: TrainingNight, predict: Predict) -> Profile:
    raw = Dataset.open(step.fetch(trained.raw), verify=False)
    clean = Dataset.open(step.fetch(trained.clean), verify=False)
    view = InputView(trained.workflow, champion.columns)
    profile = (
        profile_rows(raw, clean, view, predict)
        if champion.forecast is None
        else profile_series(raw, clean, view, champion.forecast.time)
    )
    folder = step.workdir / "profile"
    profile.write(folder)
    handoff = step.publish(folder, "profile", n_rows=profile.n_rows)
    version = champion.version
    step.client.set_model_version_tag(
        version.name, version.version, tags.PROFILE, json.dumps(handoff.to_json())
    )
    logger.info(
        "Profiled %d training rows of version %s, %d columns.",
        profile.n_rows,
        version.version,
        len(profile.inputs),
    )
    return profile
