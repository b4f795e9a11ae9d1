"""The search draws repeatably, ends what falls behind, survives a kill, and passes over what fails."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tasks.errors import CardLostError, TrainingError
from tasks.training.progress import Epoch
from tasks.training.search import search_settings

RATE = {"low": 0.001, "high": 1.0, "log": True}
OnEpoch = Callable[[Epoch], None]


def make_spec(**changes: Any) -> dict[str, Any]:
    search = {
        "over": {"learning_rate": RATE},
        "method": "random",
        "trials": 5,
        "max_minutes": None,
    }
    return {
        "kind": "mlp",
        "dense": [8],
        "learning_rate": 0.5,
        "batch_size": 32,
        "epochs": 9,
        "search": {**search, **changes},
    }


def make_epoch(number: int, n_epochs: int, loss: float) -> Epoch:
    return Epoch(number, n_epochs, {"loss": 0.0}, {"loss": loss}, 0.0, 0.1)


def measure(learning_rate: float) -> float:
    """A bowl whose lowest point is at a learning rate of 0.1."""
    return abs(math.log10(learning_rate) + 1.0)


class Trainer:
    """Trains nothing: the loss falls towards what the learning rate is worth."""

    def __init__(self, fail: Callable[[int], Exception | None] = lambda _: None) -> None:
        self.specs: list[Mapping[str, Any]] = []
        self.n_epochs = 0
        self.fail = fail

    def __call__(self, spec: Mapping[str, Any], on_epoch: OnEpoch) -> None:
        """Train one trial."""
        self.specs.append(spec)
        for number in range(1, spec["epochs"] + 1):
            self.n_epochs += 1
            error = self.fail(len(self.specs))
            if error is not None:
                raise error
            on_epoch(
                make_epoch(number, spec["epochs"], measure(spec["learning_rate"]) + 1 / number)
            )


def test_the_lowest_validation_loss_wins() -> None:
    """Every trial is trained with drawn settings for the epochs of a trial."""
    train = Trainer()
    result = search_settings(make_spec(), train, name="net", seed=1, n_epochs=3)
    assert [trial.number for trial in result.trials] == [1, 2, 3, 4, 5]
    assert {spec["epochs"] for spec in train.specs} == {3}
    assert {spec["search"] for spec in train.specs} == {None}
    rates = [spec["learning_rate"] for spec in train.specs]
    assert [trial.settings["learning_rate"] for trial in result.trials] == rates
    assert len(set(rates)) == 5
    assert all(0.001 <= rate <= 1.0 for rate in rates)
    assert result.settings == {"learning_rate": min(rates, key=measure)}
    assert result.trials[result.best - 1].loss == pytest.approx(min(map(measure, rates)) + 1 / 3)


def test_a_trial_counts_by_its_lowest_loss() -> None:
    """Overfitting after the best epoch does not hide that epoch."""

    def train(_spec: Mapping[str, Any], on_epoch: OnEpoch) -> None:
        for number, loss in enumerate((3.0, 1.0, 2.0), start=1):
            on_epoch(make_epoch(number, 3, loss))

    result = search_settings(make_spec(trials=2), train, name="net", seed=1, n_epochs=3)
    assert [(trial.loss, trial.n_epochs) for trial in result.trials] == [(1.0, 3), (1.0, 3)]


def test_the_same_seed_draws_the_same_settings() -> None:
    """And another seed others."""
    drawn = [
        [
            trial.settings
            for trial in search_settings(
                make_spec(), Trainer(), name="net", seed=seed, n_epochs=3
            ).trials
        ]
        for seed in (7, 7, 8)
    ]
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]


def test_settings_are_drawn_as_they_are_written() -> None:
    """Lists, nothing and names come from choices as they are; a batch size is a whole number."""
    over = {
        "dense": {"choices": [[64], [32, 16]]},
        "clip_norm": {"choices": [None, 1.0]},
        "schedule": {"choices": ["cosine", "constant"]},
        "batch_size": {"low": 16.0, "high": 64.0, "log": False},
        "dropout": {"low": 0.0, "high": 1.0, "log": False},
    }
    train = Trainer()
    result = search_settings(make_spec(over=over, trials=20), train, name="net", seed=3, n_epochs=3)
    for spec, trial in zip(train.specs, result.trials, strict=True):
        assert {name: spec[name] for name in over} == trial.settings
        assert spec["dense"] in ([64], [32, 16])
        assert spec["clip_norm"] in (None, 1.0)
        assert isinstance(spec["batch_size"], int)
        assert 16 <= spec["batch_size"] <= 64
        assert isinstance(spec["dropout"], float)
    assert {len(spec["dense"]) for spec in train.specs} == {1, 2}
    assert {spec["clip_norm"] for spec in train.specs} == {None, 1.0}


def test_hyperband_ends_what_falls_behind() -> None:
    """Fewer epochs than trials times epochs, and a finished trial is chosen."""
    train = Trainer()
    spec = make_spec(method="hyperband", trials=30)
    result = search_settings(spec, train, name="net", seed=5, n_epochs=9)
    states = {trial.state for trial in result.trials}
    assert states == {"finished", "ended early"}
    assert train.n_epochs < 30 * 9 * 0.7
    assert train.n_epochs == sum(trial.n_epochs for trial in result.trials)
    assert result.trials[result.best - 1].state == "finished"
    best = min(result.trials, key=lambda trial: measure(trial.settings["learning_rate"]))
    assert measure(result.settings["learning_rate"]) <= 2 * measure(best.settings["learning_rate"])


class Killed(BaseException):
    """What ends a process passes by every handler."""


@pytest.mark.parametrize("torn", [b"", b'{"op_code":7,"tri'], ids=["between lines", "in a line"])
def test_a_killed_search_goes_on(tmp_path: Path, torn: bytes) -> None:
    """Finished trials are not repeated, the killed one is, with the settings it had."""
    unbroken = search_settings(make_spec(), Trainer(), name="net", seed=1, n_epochs=3)

    def kill(n: int) -> Killed | None:
        return Killed() if n == 3 else None

    first = Trainer(kill)  # type: ignore[arg-type]
    with pytest.raises(Killed):
        search_settings(make_spec(), first, name="net", seed=1, n_epochs=3, storage=tmp_path)
    (file,) = tmp_path.iterdir()
    with file.open("ab") as stream:
        stream.write(torn)
    second = Trainer()
    result = search_settings(make_spec(), second, name="net", seed=1, n_epochs=3, storage=tmp_path)
    assert len(second.specs) == 3
    assert [t.settings for t in result.trials] == [t.settings for t in unbroken.trials]
    assert result.settings == unbroken.settings


def test_a_finished_search_is_not_repeated(tmp_path: Path) -> None:
    """A retry that comes after the search trains no trial."""
    for n_trained in (5, 0):
        train = Trainer()
        search_settings(make_spec(), train, name="net", seed=1, n_epochs=3, storage=tmp_path)
        assert len(train.specs) == n_trained


def test_another_search_does_not_go_on_with_the_record(tmp_path: Path) -> None:
    """Trials of other settings or another seed prove nothing."""
    search_settings(make_spec(), Trainer(), name="net", seed=1, n_epochs=3, storage=tmp_path)
    for spec, seed in ((make_spec(), 2), ({**make_spec(), "dense": [4]}, 1)):
        train = Trainer()
        search_settings(spec, train, name="net", seed=seed, n_epochs=3, storage=tmp_path)
        assert len(train.specs) == 5


def test_a_failed_trial_is_noted_and_passed_over() -> None:
    """Its reason stays with it."""
    train = Trainer(lambda n: TrainingError("The loss became nan.") if n == 2 else None)
    result = search_settings(make_spec(), train, name="net", seed=1, n_epochs=3)
    assert [trial.state for trial in result.trials] == ["finished", "failed", *["finished"] * 3]
    failed = result.trials[1]
    assert (failed.problem, failed.loss, failed.n_epochs) == ("The loss became nan.", None, 0)
    assert result.best != 2


def test_when_all_trials_fail_the_candidate_does() -> None:
    """The message has the candidate and the last reason."""
    train = Trainer(lambda _: TrainingError("The loss became nan."))
    with pytest.raises(TrainingError, match=r"All 5 trials .* 'net' failed.* The loss became nan"):
        search_settings(make_spec(), train, name="net", seed=1, n_epochs=3)


def test_what_a_retry_can_mend_is_no_failed_trial(tmp_path: Path) -> None:
    """A lost card ends the search, and the retry goes on with that trial."""
    train = Trainer(lambda n: CardLostError("gone") if n == 2 else None)
    with pytest.raises(CardLostError):
        search_settings(make_spec(), train, name="net", seed=1, n_epochs=3, storage=tmp_path)
    result = search_settings(
        make_spec(), Trainer(), name="net", seed=1, n_epochs=3, storage=tmp_path
    )
    assert {trial.state for trial in result.trials} == {"finished"}


def test_a_trial_without_validation_rows_fails() -> None:
    """There is nothing to judge it by."""

    def train(_spec: Mapping[str, Any], on_epoch: OnEpoch) -> None:
        on_epoch(Epoch(1, 1, {"loss": 1.0}, None, 0.0, 0.1))

    with pytest.raises(TrainingError, match="no epoch had a validation loss"):
        search_settings(make_spec(), train, name="net", seed=1, n_epochs=3)


@pytest.mark.parametrize("limit", ["the search's", "the night's"])
def test_no_trial_begins_after_the_time(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of trials of 40 seconds two begin within a minute."""
    clock = iter(range(0, 4000, 40))
    stopwatch = SimpleNamespace(monotonic=lambda: float(next(clock)))
    monkeypatch.setattr("tasks.training.search.time", stopwatch)
    spec = make_spec(max_minutes=1.0 if limit == "the search's" else 9.0)
    train = Trainer()
    seconds = 60.0 if limit == "the night's" else None
    result = search_settings(spec, train, name="net", seed=1, n_epochs=3, max_seconds=seconds)
    assert len(result.trials) == 2


def test_the_result_is_json() -> None:
    """For the report of the training and MLflow."""
    document = search_settings(
        make_spec(trials=2), Trainer(), name="net", seed=1, n_epochs=3
    ).to_json()
    assert set(document) == {"settings", "best", "trials"}
    assert [trial["state"] for trial in document["trials"]] == ["finished", "finished"]


def test_without_optuna_the_candidate_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare machine has Keras, NumPy and pyarrow."""
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(TrainingError, match=r"(?s)'net' has a search.*pip install optuna"):
        search_settings(make_spec(), Trainer(), name="net", seed=1, n_epochs=3)
