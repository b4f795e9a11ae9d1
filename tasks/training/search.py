"""The bounded search for better settings of a candidate, before it is trained with the best of them.

Called by ``trials`` with a function that trains one trial; Optuna draws the settings, ends the
trials that fall behind, and keeps the record from which a killed search goes on.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from tasks.dataset.digest import digest_json
from tasks.errors import NocturneError, TrainingError
from tasks.training.progress import Epoch

if TYPE_CHECKING:
    import optuna

logger = logging.getLogger(__name__)

OnEpoch = Callable[[Epoch], None]
# Of three trials that reach a rung one goes on: the factor of the Hyperband paper.
REDUCTION_FACTOR = 3
# A range of these means whole numbers; the others that can have a range are fractions and rates.
_WHOLE_NUMBERS = frozenset({"batch_size", "steps_per_execution"})
_PROBLEM, _SECONDS, _IS_COUNTED = "problem", "seconds", "is_counted"
_STATES: Mapping[str, Literal["finished", "ended early", "failed"]] = {
    "COMPLETE": "finished",
    "PRUNED": "ended early",
    "FAIL": "failed",
}


@dataclass(frozen=True)
class Trial:
    """One draw of settings and what training with them gave.

    Parameters
    ----------
    number : int
        From 1.
    settings : mapping of str to JSON value
        Those that the search is over.
    state : {"finished", "ended early", "failed"}
        ``ended early``: it fell behind, and Hyperband ended it.
    loss : float or None
        The lowest validation loss; None where no epoch was finished.
    n_epochs : int
        Finished epochs.
    seconds : float
    problem : str
        Why it failed; else empty.
    """

    number: int
    settings: Mapping[str, Any]
    state: Literal["finished", "ended early", "failed"]
    loss: float | None
    n_epochs: int
    seconds: float
    problem: str


@dataclass(frozen=True)
class SearchResult:
    """The best settings, and every trial.

    Parameters
    ----------
    settings : mapping of str to JSON value
        Of the finished trial with the lowest validation loss: what replaces the candidate's own.
    best : int
        That trial's number.
    trials : tuple of Trial
        In their order.
    """

    settings: Mapping[str, Any]
    best: int
    trials: tuple[Trial, ...]

    def to_json(self) -> dict[str, Any]:
        """Make a mapping that JSON can carry."""
        return asdict(self)


def search_settings(
    spec: Mapping[str, Any],
    train_trial: Callable[[Mapping[str, Any], OnEpoch], object],
    *,
    name: str,
    seed: int,
    n_epochs: int,
    storage: Path | None = None,
    max_seconds: float | None = None,
) -> SearchResult:
    """Train trials with drawn settings and find those with the lowest validation loss.

    Parameters
    ----------
    spec : mapping
        The candidate's settings with the key ``search``, as in the workflow file.
    train_trial : callable
        Trains with the settings it is given, and calls what it is given beside them after every
        epoch. That call may raise in order to end the trial; the error must come back from here.
    name : str
        The candidate's name.
    seed : int
        The same seed draws the same settings.
    n_epochs : int
        Epochs of a trial, at most.
    storage : Path, optional
        A folder that outlives a killed try, from which the next one goes on.
    max_seconds : float, optional
        No trial begins after so many; the shorter of this and the search's own limit counts.

    Returns
    -------
    SearchResult

    Raises
    ------
    TrainingError
        When every trial failed, or Optuna is not installed.
    TrainingStoppedError
        When a trial was ended from outside: a retry goes on with it.

    Notes
    -----
    Settings are drawn at random. With ``hyperband`` the trials are dealt out to brackets; in each,
    of those that have trained for 1, 3, 9, ... epochs the best third goes on [1]_. Every trial is
    judged by its lowest validation loss, so that one that overfits late is not punished for it.

    References
    ----------
    .. [1] Li, L., Jamieson, K., DeSalvo, G., Rostamizadeh, A., Talwalkar, A. (2018). Hyperband: A
       Novel Bandit-Based Approach to Hyperparameter Optimization. JMLR 18(185), 1-52.
       https://jmlr.org/papers/v18/16-558.html
    """
    _check_optuna(name)
    search = spec["search"]
    limits = [max_seconds, search["max_minutes"] and 60.0 * search["max_minutes"]]
    limit = min((s for s in limits if s is not None), default=math.inf)
    study = _open_study(spec, name, seed, storage, n_epochs)
    trials = _list_trials(study)
    if trials:
        logger.info("%s: the search goes on after %d trials", name, len(trials))
    while len(trials) < search["trials"]:
        if trials and sum(trial.seconds for trial in trials) >= limit:
            logger.info("%s: the time for the search is over after %d trials", name, len(trials))
            break
        _run_trial(study, spec, train_trial, n_epochs, (seed, len(trials)))
        trials = _list_trials(study)
        logger.info("%s: %s", name, _describe(trials[-1]))
    return _choose(trials, name)


def _check_optuna(name: str) -> None:
    try:
        import optuna
    except ImportError as error:
        raise TrainingError(
            f"The candidate {name!r} has a search, and Optuna is not installed here.",
            expected="the package optuna",
            hint="install it (pip install optuna), or remove 'search' from the candidate",
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)  # the trials are logged here


def _open_study(
    spec: Mapping[str, Any], name: str, seed: int, storage: Path | None, n_epochs: int
) -> optuna.Study:
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    kept = None
    if storage is not None:
        storage.mkdir(parents=True, exist_ok=True)
        # Another search is another file: trials of other settings prove nothing.
        file = storage / f"search-{digest_json([spec, seed])[:16]}.jsonl"
        _drop_torn_line(file)
        kept = JournalStorage(JournalFileBackend(str(file)))
    pruner: optuna.pruners.BasePruner = (
        optuna.pruners.HyperbandPruner(
            min_resource=1, max_resource=n_epochs, reduction_factor=REDUCTION_FACTOR
        )
        if spec["search"]["method"] == "hyperband"
        else optuna.pruners.NopPruner()
    )
    study = optuna.create_study(
        storage=kept, study_name=name, pruner=pruner, direction="minimize", load_if_exists=True
    )
    for left in study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.RUNNING]):
        study.tell(left.number, state=optuna.trial.TrialState.FAIL)  # killed; it is drawn again
    return study


def _drop_torn_line(file: Path) -> None:
    """Cut off what a kill in the middle of writing has left: Optuna would read no further."""
    if file.exists():
        whole, _, _ = file.read_bytes().rpartition(b"\n")
        with file.open("r+b") as stream:
            stream.truncate(len(whole) + bool(whole))


def _run_trial(
    study: optuna.Study,
    spec: Mapping[str, Any],
    train_trial: Callable[[Mapping[str, Any], OnEpoch], object],
    n_epochs: int,
    chance: tuple[int, int],
) -> None:
    """Draw, train and record one trial; whatever ends it from outside leaves it unrecorded."""
    import optuna

    # Its own stream for every trial: a search that goes on draws what an unbroken one would have.
    study.sampler = optuna.samplers.RandomSampler(seed=int(digest_json(chance)[:8], 16))
    trial = study.ask()
    drawn = _draw(trial, spec["search"]["over"])
    lowest = math.inf
    started = time.monotonic()

    def report(epoch: Epoch) -> None:
        nonlocal lowest
        if epoch.validation is None:
            return
        lowest = min(lowest, epoch.validation["loss"])
        trial.report(lowest, epoch.number)
        if epoch.number < n_epochs and trial.should_prune():
            raise optuna.TrialPruned

    problem, state = "", optuna.trial.TrialState.COMPLETE
    try:
        train_trial({**spec, **drawn, "epochs": n_epochs, "search": None}, report)
    except optuna.TrialPruned:
        state = optuna.trial.TrialState.PRUNED
    except NocturneError as error:
        if error.is_retryable:
            raise
        problem = error.what
    if math.isinf(lowest):
        problem = problem or "no epoch had a validation loss"
    if problem:
        state = optuna.trial.TrialState.FAIL
    trial.set_user_attr(_PROBLEM, problem)
    trial.set_user_attr(_SECONDS, time.monotonic() - started)
    trial.set_user_attr(_IS_COUNTED, True)
    is_complete = state == optuna.trial.TrialState.COMPLETE
    study.tell(trial, lowest if is_complete else None, state=state)


def _draw(trial: optuna.Trial, over: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    drawn: dict[str, Any] = {}
    for name, values in over.items():
        if "choices" in values:
            # As text: Optuna's record takes no lists.
            texts = [json.dumps(value) for value in values["choices"]]
            drawn[name] = json.loads(trial.suggest_categorical(name, texts))
        elif name in _WHOLE_NUMBERS:
            low, high = int(values["low"]), int(values["high"])
            drawn[name] = trial.suggest_int(name, low, high, log=values["log"])
        else:
            drawn[name] = trial.suggest_float(
                name, values["low"], values["high"], log=values["log"]
            )
    return drawn


def _list_trials(study: optuna.Study) -> tuple[Trial, ...]:
    counted = (t for t in study.get_trials(deepcopy=False) if _IS_COUNTED in t.user_attrs)
    return tuple(
        Trial(
            number=i,
            settings={
                k: json.loads(v) if isinstance(v, str) else v for k, v in trial.params.items()
            },
            state=_STATES[trial.state.name],
            loss=min(trial.intermediate_values.values(), default=None),
            n_epochs=max(trial.intermediate_values, default=0),
            seconds=trial.user_attrs[_SECONDS],
            problem=trial.user_attrs[_PROBLEM],
        )
        for i, trial in enumerate(counted, start=1)
        if trial.state.is_finished()
    )


def _choose(trials: tuple[Trial, ...], name: str) -> SearchResult:
    usable = [t for t in trials if t.state == "finished"] or [
        t for t in trials if t.state == "ended early"
    ]
    if not usable:
        raise TrainingError(
            f"All {len(trials)} trials of the search of {name!r} failed; "
            f"the last one said: {trials[-1].problem}",
            expected="at least one trial that trains to its end",
            hint="narrow 'search.over': lower learning rates, fewer layers; or remove 'search'",
        )
    best = min(usable, key=lambda trial: math.inf if trial.loss is None else trial.loss)
    logger.info("%s: the best of %d trials is %s", name, len(trials), _describe(best))
    return SearchResult(best.settings, best.number, trials)


def _describe(trial: Trial) -> str:
    text = f"trial {trial.number} with {json.dumps(dict(trial.settings))} {trial.state}"
    if trial.loss is not None:
        text += f" after {trial.n_epochs} epochs, validation loss {trial.loss:.4f}"
    return f"{text}: {trial.problem}" if trial.problem else text
