"""The gate's truth table: which challenger becomes champion, of whom a person is asked, and who stays."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import pytest

from tasks.metrics import PairedGain, compare_hits
from tasks.promotion.figures import Contender, Group, Trial
from tasks.promotion.policy import Approval, Decision, decide
from tasks.promotion.rules import Limits

NAN = math.nan
SERVES = Trial(True, "It loads and predicts 16 rows as it did in its night.", 2.5, 4e6, 1e-7, 1e-3)
SURE = PairedGain(0.01, 0.006, 0.014, 0.9)


def pair(challenger: float, champion: float | None, *, half: float = 1e-6) -> PairedGain | None:
    """A gain with an interval of that half width around it."""
    if champion is None:
        return None
    gain = challenger - champion
    return PairedGain(gain, gain - half, gain + half, 0.9)


def judge(
    challenger: float,
    champion: float | None,
    baseline: float = 0.5,
    *,
    paired: PairedGain | None = None,
    groups: Sequence[Group] = (),
    trial: Trial = SERVES,
    approval: Approval = "auto",
    **limits: Any,
) -> Decision:
    return decide(
        metric="accuracy",
        is_error=False,
        limits=Limits(**{"floor": 0.9, **limits}),
        n_holdout=360,
        challenger=Contender("cnn", challenger),
        champion=None if champion is None else Contender("3", champion),
        baselines=[Contender("logistic_regression", baseline)],
        paired=paired or pair(challenger, champion),
        groups=groups,
        trial=trial,
        approval=approval,
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
        paired=None if champion is None else pair(-challenger, -champion),
        trial=SERVES,
        unit="windows",
    )


def make_class(
    value: str, n_rows: int, loss: float, *, champion: float = 0.9, challenger: float = 0.9
) -> Group:
    return Group("class", None, value, n_rows, challenger, champion, loss)


def find_rule(decision: Decision, name: str) -> Any:
    return next(rule for rule in decision.rules if rule.name == name)


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
        (0.32, None, (0.40, 0.31), 0.45, 0.00, "keep"),  # not better than the best baseline
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


@pytest.mark.parametrize(
    ("low", "high", "p_value", "counts", "verdict"),
    [
        (0.006, 0.014, None, None, "promote"),  # of other metrics than accuracy there is no test
        (0.006, 0.014, 0.001, (90, 30), "promote"),
        (0.0, 0.02, None, None, "keep"),  # one hold-out in twenty shows no gain
        (-0.004, 0.024, 0.001, (90, 30), "keep"),
        (0.0005, 0.0195, 0.0500, (90, 30), "promote"),  # the limit itself is enough
        (0.0005, 0.0195, 0.0501, (90, 30), "keep"),  # McNemar's test is not sure
        (0.006, 0.014, 0.999, (30, 90), "keep"),
        (0.006, 0.014, NAN, (0, 0), "keep"),
        (NAN, NAN, None, None, "keep"),
        (0.006, NAN, None, None, "keep"),
    ],
)
def test_a_gain_must_be_more_than_chance(
    low: float,
    high: float,
    p_value: float | None,
    counts: tuple[int, int] | None,
    verdict: str,
) -> None:
    """Both the interval's lower end and, of accuracy, McNemar's test must speak for the challenger."""
    paired = PairedGain(0.01, low, high, 0.9, p_value, counts)
    assert judge(0.96, 0.95, paired=paired).verdict == verdict


def test_the_interval_must_clear_the_least_gain() -> None:
    """A gain that is certain to be positive is not certain to be large enough."""
    assert judge(0.96, 0.95, paired=SURE, min_gain=0.005).verdict == "promote"
    decision = judge(0.96, 0.95, paired=SURE, min_gain=0.007)
    assert decision.verdict == "keep"
    rule = find_rule(decision, "gain beyond chance")
    assert (rule.figure, rule.limit, rule.passed) == (0.006, 0.007, False)
    assert rule.sentence == (
        "a gain above 0.007 on resampled hold-outs too: it is +0.006 to +0.0140 on 90 % of them."
    )


def test_without_an_interval_nobody_is_promoted() -> None:
    """A comparison of which nothing is known but two scores is not enough."""
    decision = decide(
        metric="accuracy",
        is_error=False,
        limits=Limits(),
        n_holdout=360,
        challenger=Contender("cnn", 0.96),
        champion=Contender("3", 0.95),
        baselines=[],
        trial=SERVES,
    )
    assert decision.verdict == "keep"
    assert "how far chance moves it is not known" in decision.reason


@pytest.mark.parametrize(
    ("groups", "max_group_loss", "is_met", "words"),
    [
        ([make_class("8", 100, 0.05)], 0.05, True, "class 8 with 100 rows loses 0.0500"),
        ([make_class("8", 100, 0.051)], 0.05, False, "class 8 with 100 rows loses 0.0510"),
        ([make_class("8", 49, 0.90)], 0.05, True, "there is none to be judged"),
        (
            [make_class("8", 49, 0.90), make_class("9", 50, 0.02)],
            0.05,
            True,
            "class 9 with 50 rows loses 0.0200",
        ),
        (
            [make_class("1", 80, -0.1), make_class("2", 80, 0.0)],
            0.05,
            True,
            "none of 2 loses anything",
        ),
        (
            [make_class("1", 80, 0.2), Group("slice", "city", "Ulm", 60, 0.6, 0.9, 0.3)],
            0.05,
            False,
            "city = Ulm with 60 rows loses 0.3000",
        ),
        ([make_class("8", 100, NAN, challenger=NAN)], 0.05, False, "class 8 has no number"),
        ([make_class("8", 100, NAN)], 0.05, False, "class 8 has no number"),
        ([make_class("8", 100, NAN, champion=NAN)], 0.05, True, "there is none to be judged"),
        (
            [Group("slice", "city", "Ulm", 60, 13.0, 10.0, 0.3, is_error=True)],
            0.1,
            False,
            (
                "loses more than 10.0 % of the champion's error: city = Ulm with 60 rows loses 30.0 % of "
                "the champion's error"
            ),
        ),
    ],
)
def test_no_group_may_lose_too_much(
    groups: list[Group], max_group_loss: float, is_met: bool, words: str
) -> None:
    """The class or slice that lost most is named; small ones are chance and are not judged."""
    decision = judge(0.96, 0.95, groups=groups, max_group_loss=max_group_loss)
    rule = find_rule(decision, "no group worse")
    assert rule.passed == is_met
    assert words in rule.sentence
    assert decision.verdict == ("promote" if is_met else "keep")
    json.dumps(decision.to_json(), allow_nan=False)


def test_a_page_of_text_for_a_class_stays_a_label() -> None:
    """What people read is one line of sane length, whatever the data hold."""
    rule = find_rule(
        judge(0.96, 0.95, groups=[make_class("<b>\n" * 99, 80, 0.2)], max_group_loss=0.05),
        "no group worse",
    )
    assert "\n" not in rule.sentence
    assert len(rule.sentence) < 200


def test_groups_are_judged_only_against_a_champion_and_where_asked_for() -> None:
    """``max_group_loss: null`` leaves the rule out, and so does a first night."""
    groups = [make_class("8", 100, 0.5)]
    for decision in (
        judge(0.96, 0.95, groups=groups),
        judge(0.96, None, groups=groups, max_group_loss=0.05),
        judge(0.96, NAN, groups=groups, max_group_loss=0.05),
    ):
        assert decision.verdict == "promote"
        assert "no group worse" not in [rule.name for rule in decision.rules]


@pytest.mark.parametrize(
    ("trial", "limits", "failed"),
    [
        (SERVES, {"max_latency_ms": 2.5, "max_size_mb": 4.0}, []),
        (SERVES, {"max_latency_ms": 2.4}, ["latency"]),
        (SERVES, {"max_size_mb": 3.9}, ["size"]),
        (Trial(True, "It loads."), {"max_latency_ms": 2.5}, ["latency"]),
        (Trial(True, "It loads."), {"max_size_mb": 2.5}, ["size"]),
        (Trial(False, "The model does not load: no file", 2.0, 1.0), {}, ["smoke test"]),
    ],
)
@pytest.mark.parametrize("champion", [None, 0.95, NAN])
def test_a_challenger_must_serve(
    champion: float | None, trial: Trial, limits: dict[str, float], failed: list[str]
) -> None:
    """Too slow, too large or broken is never promoted, with a champion or without; not measured neither."""
    decision = judge(0.96, champion, trial=trial, **limits)
    assert [rule.name for rule in decision.rules if not rule.passed] == failed
    assert decision.verdict == ("keep" if failed else "promote")


@pytest.mark.parametrize(
    ("paired", "auto", "borderline"),
    [
        (SURE, "promote", False),
        (PairedGain(0.01, 0.0005, 0.0195, 0.9), "promote", True),  # clears 0 by 3 % of its width
        (PairedGain(0.01, 0.002, 0.018, 0.9), "promote", True),  # by an eighth
        (PairedGain(0.01, 0.003, 0.017, 0.9), "promote", False),  # by a fifth
        (PairedGain(0.01, -0.001, 0.021, 0.9), "keep", True),  # misses it by 5 % of its width
        (PairedGain(0.01, -0.006, 0.026, 0.9), "keep", False),  # by a fifth
        (PairedGain(0.01, 0.006, 0.014, 0.9, 0.06, (9, 3)), "keep", True),
        (PairedGain(0.01, 0.006, 0.014, 0.9, NAN, (0, 0)), "keep", False),
        (PairedGain(0.01, NAN, NAN, 0.9), "keep", False),
    ],
)
def test_who_has_the_last_word(paired: PairedGain, auto: str, borderline: bool) -> None:
    """Where all rules are met `approval` says who decides; of a borderline gain it may be a person."""
    found = {
        approval: judge(0.96, 0.95, paired=paired, approval=approval).verdict
        for approval in ("auto", "approve", "approve_if_borderline", "shadow")
    }
    assert found == {
        "auto": auto,
        "approve": "ask" if auto == "promote" else "keep",
        "approve_if_borderline": "ask" if borderline else auto,
        "shadow": "shadow" if auto == "promote" else "keep",
    }
    assert judge(0.96, 0.95, paired=paired).borderline == borderline


@pytest.mark.parametrize(
    "more",
    [
        {"floor": 0.97},
        {"baseline": 0.97},
        {"trial": Trial(False, "It hangs.")},
        {"min_gain": 0.02},  # no gain, not an uncertain one
        {"groups": [make_class("8", 100, 0.5)], "max_group_loss": 0.05},
    ],
)
def test_nobody_is_asked_about_more_than_chance(more: dict[str, Any]) -> None:
    """A gain that could be chance is for a person to weigh; another rule that is not met is not."""
    doubtful = PairedGain(0.01, -0.001, 0.021, 0.9)
    decision = judge(0.96, 0.95, paired=doubtful, approval="approve_if_borderline", **more)
    assert (decision.verdict, decision.borderline) == ("keep", False)


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
    rule = find_rule(judge_error(0.30, 0.34, 0.40, min_gain=0.01), "gain over the champion")
    assert rule.figure == pytest.approx(0.04)
    assert rule.sentence == (
        "more than 0.0100 mse below the champion (version 3) with 0.3400: lstm has 0.3000, -0.0400."
    )


def test_first_night_has_no_champion_to_beat() -> None:
    """Floor, baseline and serving decide, and the reason says it is the first."""
    decision = judge(0.95, None, max_latency_ms=10.0, max_size_mb=10.0, max_group_loss=0.05)
    assert [rule.name for rule in decision.rules] == [
        "floor",
        "better than the baseline",
        "latency",
        "size",
        "smoke test",
    ]
    assert decision.reason.endswith("becomes the first champion.")
    assert (decision.champion, decision.paired, decision.borderline) == (None, None, False)


def test_a_champion_that_does_not_load_is_replaced_by_the_first_nights_rules() -> None:
    """Whoever is good enough for a first night is better than a champion that serves nobody."""
    decision = decide(
        metric="accuracy",
        is_error=False,
        limits=Limits(floor=0.9, max_group_loss=0.05),
        n_holdout=360,
        challenger=Contender("cnn", 0.95),
        champion=Contender("3", NAN, "could not be loaded: no such File."),
        baselines=[],
        trial=SERVES,
        paired=PairedGain(NAN, NAN, NAN, 0.9, NAN, (0, 0)),
    )
    assert decision.verdict == "promote"
    assert [rule.name for rule in decision.rules] == ["floor", "smoke test"]
    assert decision.reason == (
        "cnn reached 0.9500 accuracy on 360 hold-out rows, the champion (version 3) cannot be compared "
        "with (it could not be loaded: no such File): cnn becomes champion."
    )
    assert "The champion (version 3) cannot be compared with (it could" in decision.paragraph
    assert "no such File)." in decision.paragraph
    assert decision.to_json()["champion"] == {
        "version": "3",
        "score": None,
        "problem": "could not be loaded: no such File.",
    }


def test_the_document_holds_every_rule_and_no_nan() -> None:
    """The champion is named by its version, every rule has figure, limit, verdict and sentence."""
    paired = compare_hits(12, 19, 360, significance=0.05, seed=1)
    document = json.loads(json.dumps(judge(0.95, 0.97, paired=paired).to_json(), allow_nan=False))
    assert document["champion"] == {"version": "3", "score": 0.97, "problem": None}
    assert document["challenger"] == {"name": "cnn", "score": 0.95}
    assert document["rules"][0] == {
        "name": "floor",
        "figure": 0.95,
        "limit": 0.9,
        "passed": True,
        "sentence": "accuracy of at least 0.9000: cnn has 0.9500.",
        "unit": "accuracy",
    }
    assert document["paired"] == {
        "with": "3",
        "metric": "accuracy",
        "gain": (12 - 19) / 360,
        "interval": [paired.low, paired.high],
        "confidence": 0.9,
        "p_value": paired.p_value,
        "n_discordant": [12, 19],
    }
    assert [rule["name"] for rule in document["rules"]] == [
        "floor",
        "better than the baseline",
        "gain over the champion",
        "gain beyond chance",
        "McNemar's test",
        "smoke test",
    ]
    assert judge_error(NAN, NAN, NAN).to_json()["challenger"] == {"name": "lstm", "score": None}
