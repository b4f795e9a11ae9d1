"""The gate's truth table: which challenger becomes champion."""

from __future__ import annotations

import json
import math

import pytest

from tasks.promotion.policy import Contender, Decision, Limits, decide

NAN = math.nan


def judge(
    challenger: float,
    champion: float | None,
    baseline: float = 0.5,
    *,
    floor: float = 0.9,
    min_gain: float = 0.0,
) -> Decision:
    return decide(
        metric="accuracy",
        is_error=False,
        limits=Limits(floor=floor, min_gain=min_gain),
        n_holdout=360,
        challenger=Contender("cnn", challenger),
        champion=None if champion is None else Contender("3", champion),
        baselines=[Contender("logistic_regression", baseline)],
    )


def judge_error(
    challenger: float,
    champion: float | None,
    *baselines: float,
    ceiling: float | None = None,
    min_gain: float = 0.0,
) -> Decision:
    """Judge an error, of which less is better."""
    return decide(
        metric="mse",
        is_error=True,
        limits=Limits(ceiling=ceiling, min_gain=min_gain),
        n_holdout=2857,
        challenger=Contender("lstm", challenger),
        champion=None if champion is None else Contender("3", champion),
        baselines=[Contender(f"b{i}", score) for i, score in enumerate(baselines)],
        unit="windows",
    )


@pytest.mark.parametrize(
    ("challenger", "champion", "baseline", "floor", "min_gain", "verdict"),
    [
        (0.95, None, 0.50, 0.90, 0.00, "promote"),  # a first champion
        (0.90, None, 0.50, 0.90, 0.00, "promote"),  # the floor itself is enough
        (0.89, None, 0.50, 0.90, 0.00, "keep"),  # below the floor
        (0.95, None, 0.95, 0.90, 0.00, "keep"),  # no better than the baseline
        (0.96, 0.95, 0.50, 0.90, 0.00, "promote"),  # better than the champion
        (0.95, 0.95, 0.50, 0.90, 0.00, "keep"),  # a tie never promotes
        (0.94, 0.95, 0.50, 0.90, 0.00, "keep"),  # worse
        (0.96, 0.95, 0.50, 0.90, 0.02, "keep"),  # better, but by too little
        (0.98, 0.95, 0.50, 0.90, 0.02, "promote"),
        (0.98, 0.95, 0.99, 0.90, 0.00, "keep"),  # beats the champion, not the baseline
        (0.85, 0.80, 0.50, 0.90, 0.00, "keep"),  # beats the champion, below the floor
        (NAN, 0.80, 0.50, 0.90, 0.00, "keep"),  # a challenger without a number
        (NAN, None, 0.50, 0.00, 0.00, "keep"),
        (0.95, NAN, 0.50, 0.90, 0.00, "promote"),  # a champion without one blocks nobody
        (0.95, 0.90, NAN, 0.90, 0.00, "promote"),  # nor does such a baseline
        (NAN, NAN, NAN, 0.00, 0.00, "keep"),
    ],
)
def test_every_rule_must_pass(
    challenger: float,
    champion: float | None,
    baseline: float,
    floor: float,
    min_gain: float,
    verdict: str,
) -> None:
    """A challenger is promoted when floor, baseline and champion are all passed."""
    decision = judge(challenger, champion, baseline, floor=floor, min_gain=min_gain)
    assert decision.verdict == verdict
    assert all(rule.passed for rule in decision.rules) == (verdict == "promote")


@pytest.mark.parametrize(
    ("challenger", "champion", "baselines", "ceiling", "min_gain", "verdict"),
    [
        (0.30, None, (0.33,), 0.45, 0.00, "promote"),
        (0.45, None, (0.50,), 0.45, 0.00, "promote"),  # the ceiling itself is enough
        (0.46, None, (0.50,), 0.45, 0.00, "keep"),  # above the ceiling
        (0.46, None, (0.50,), None, 0.00, "promote"),  # without a ceiling
        (0.33, None, (0.33,), 0.45, 0.00, "keep"),  # a tie with the baseline
        (
            0.32,
            None,
            (0.40, 0.31),
            0.45,
            0.00,
            "keep",
        ),  # better than one baseline, not than the best
        (0.30, None, (0.40, 0.31), 0.45, 0.00, "promote"),
        (0.30, 0.31, (0.40,), 0.45, 0.00, "promote"),  # better than the champion
        (0.31, 0.31, (0.40,), 0.45, 0.00, "keep"),  # a tie never promotes
        (0.30, 0.31, (0.40,), 0.45, 0.02, "keep"),  # better, but by too little
        (0.28, 0.31, (0.40,), 0.45, 0.02, "promote"),
        (NAN, 0.31, (0.40,), 0.45, 0.00, "keep"),
        (math.inf, NAN, (), None, 0.00, "keep"),  # an error beyond all numbers beats nobody
        (0.30, math.inf, (NAN, 0.40), 0.45, 0.00, "promote"),
        (0.30, NAN, (NAN,), 0.45, 0.00, "promote"),
        (0.30, None, (), None, 0.00, "promote"),  # nothing to be compared with
        (NAN, None, (), None, 0.00, "keep"),
    ],
)
def test_of_errors_less_is_better(
    challenger: float,
    champion: float | None,
    baselines: tuple[float, ...],
    ceiling: float | None,
    min_gain: float,
    verdict: str,
) -> None:
    """Ceiling, every baseline and the champion must all be undercut."""
    decision = judge_error(challenger, champion, *baselines, ceiling=ceiling, min_gain=min_gain)
    assert decision.verdict == verdict
    assert all(rule.passed for rule in decision.rules) == (verdict == "promote")
    json.dumps(decision.to_json(), allow_nan=False)


def test_the_best_baseline_is_named() -> None:
    """The smallest error of those that have one; the rule says whose it is."""
    decision = judge_error(0.32, None, NAN, 0.331, 0.40)
    assert decision.baseline == Contender("b1", 0.331)
    assert decision.rules[0].sentence == (
        "mse below the best baseline's 0.3310 (b1): lstm has 0.3200."
    )
    assert decision.to_json()["baseline"] == {"name": "b1", "score": 0.331}


def test_a_gain_is_positive_where_an_error_fell() -> None:
    """The rule's figure is what was gained; the sentence says how the error changed."""
    rule = judge_error(0.30, 0.34, 0.40, min_gain=0.01).rules[-1]
    assert rule.figure == pytest.approx(0.04)
    assert rule.sentence == (
        "more than 0.0100 mse below the champion (version 3) with 0.3400: lstm has 0.3000, -0.0400."
    )


def test_reason_counts_windows() -> None:
    """A forecast is judged by windows, not by rows."""
    assert judge_error(0.30, None, 0.40).reason == (
        "lstm reached 0.3000 mse on 2,857 hold-out windows and becomes the first champion."
    )


def test_a_figure_that_is_no_number_is_null() -> None:
    """JSON has no NaN."""
    document = judge_error(NAN, NAN, NAN).to_json()
    assert document["challenger"] == {"name": "lstm", "score": None}
    assert document["champion"] == {"version": "3", "score": None}
    assert document["is_error"] is True


def test_first_night_has_no_champion_to_beat() -> None:
    """Without a champion there is no rule about one, and the reason says it is the first."""
    decision = judge(0.95, None)
    assert [rule.name for rule in decision.rules] == ["floor", "better than the baseline"]
    assert decision.reason.endswith("becomes the first champion.")


def test_reason_says_which_rule_was_not_met() -> None:
    """A person who reads only the reason knows what happened and why."""
    reason = judge(0.95, 0.97).reason
    assert reason == (
        "cnn reached 0.9500 accuracy on 360 hold-out rows; version 3 stays champion. Not met: "
        "more than 0.0000 accuracy above the champion (version 3) with 0.9700: "
        "cnn has 0.9500, -0.0200."
    )


def test_decision_is_json() -> None:
    """The document names the champion by its version."""
    document = json.loads(json.dumps(judge(0.95, 0.97).to_json()))
    assert document["champion"] == {"version": "3", "score": 0.97}
    assert document["rules"][0] == {
        "name": "floor",
        "figure": 0.95,
        "limit": 0.9,
        "passed": True,
        "sentence": "accuracy of at least 0.9000: cnn has 0.9500.",
    }
