"""The gate's truth table: which challenger becomes champion."""

from __future__ import annotations

import json
import math

import pytest

from tasks.promotion.policy import Contender, Decision, decide

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
        floor=floor,
        min_gain=min_gain,
        n_holdout=360,
        challenger=Contender("cnn", challenger),
        champion=None if champion is None else Contender("3", champion),
        baseline=Contender("logistic_regression", baseline),
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
        (0.95, 0.90, NAN, 0.90, 0.00, "keep"),  # a comparison that could not be made
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
