"""What holds of the gate whatever the figures are: no rule is overlooked, no NaN promotes, better stays better."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tasks.metrics import PairedGain, compare_hits
from tasks.promotion.figures import Contender, Group, Trial
from tasks.promotion.policy import decide
from tasks.promotion.rules import Limits

ORDER = ("keep", "ask", "promote")  # what a challenger may hope for; shadow stands apart
NOTHING = (math.nan, math.inf, -math.inf)

scores = st.floats(0.0, 1.0)
gains = st.floats(-1.0, 1.0)
anything = st.one_of(st.floats(-2.0, 2.0), st.sampled_from(NOTHING))
limits = st.builds(
    Limits,
    floor=st.none() | scores,
    ceiling=st.none() | scores,
    min_gain=st.floats(0.0, 0.5),
    significance=st.floats(0.01, 0.5),
    max_group_loss=st.none() | scores,
    min_group_rows=st.integers(1, 100),
    max_latency_ms=st.none() | st.floats(0.1, 100.0),
    max_size_mb=st.none() | st.floats(0.1, 100.0),
)
approvals = st.sampled_from(("auto", "approve", "approve_if_borderline", "shadow"))


def make_cases(figures: st.SearchStrategy[float], changes: st.SearchStrategy[float]) -> Any:
    """Arguments of `decide`, with figures of one kind and gains and losses of another."""
    paired = st.builds(
        PairedGain,
        gain=changes,
        low=changes,
        high=changes,
        confidence=st.just(0.9),
        p_value=st.none() | figures,
        n_discordant=st.none() | st.tuples(st.integers(0, 99), st.integers(0, 99)),
    )
    group = st.builds(
        Group,
        by=st.just("class"),
        column=st.none(),
        value=st.sampled_from("abc"),
        n_rows=st.integers(0, 200),
        challenger=figures,
        champion=figures,
        loss=changes,
        is_error=st.booleans(),
    )
    contender = st.builds(Contender, name=st.just("b"), score=figures)
    return st.fixed_dictionaries(
        {
            "metric": st.sampled_from(("accuracy", "macro_f1", "mse")),
            "is_error": st.booleans(),
            "limits": limits,
            "n_holdout": st.integers(1, 10_000),
            "challenger": st.builds(Contender, name=st.just("cnn"), score=figures),
            "champion": st.none() | st.builds(Contender, name=st.just("3"), score=figures),
            "baselines": st.lists(contender, max_size=3),
            "trial": st.builds(
                Trial,
                passed=st.booleans(),
                sentence=st.just("It loads."),
                latency_ms=figures,
                size_bytes=figures,
            ),
            "paired": st.none() | paired,
            "groups": st.lists(group, max_size=3),
            "approval": approvals,
        }
    )


wild = make_cases(anything, anything)
sound = make_cases(scores, gains)


@given(case=wild)
@settings(max_examples=400, deadline=None)
def test_nobody_is_promoted_with_a_rule_unmet(case: dict[str, Any]) -> None:
    """Whatever the figures, the gate decides, explains itself in JSON, and overlooks no rule."""
    decision = decide(**case)
    failed = [rule for rule in decision.rules if not rule.passed]
    if decision.verdict in ("promote", "shadow"):
        assert not failed
    if decision.verdict == "ask" and failed:
        assert {rule.name for rule in failed} <= {"gain beyond chance", "McNemar's test"}
        assert case["approval"] == "approve_if_borderline"
    assert (decision.verdict == "shadow") == (case["approval"] == "shadow" and not failed)
    json.dumps(decision.to_json(), allow_nan=False)
    assert decision.reason
    assert decision.paragraph


@given(
    place=st.sampled_from(("challenger", "low", "high", "p_value", "group", "latency", "size")),
    nothing=st.sampled_from(NOTHING),
    champion=st.floats(0.5, 0.8),
)
@settings(max_examples=200, deadline=None)
def test_no_number_never_promotes(place: str, nothing: float, champion: float) -> None:
    """A challenger that would be promoted is not when one figure that a rule looks at is none."""
    paired = PairedGain(0.1, 0.05, 0.15, 0.9, 0.001, (90, 10))
    group, trial = Group("class", None, "a", 100, 0.9, 0.9, 0.0), Trial(True, "It loads.", 1.0, 1.0)
    case: dict[str, Any] = {
        "metric": "accuracy",
        "is_error": False,
        "limits": Limits(floor=0.5, max_group_loss=0.05, max_latency_ms=9.0, max_size_mb=9.0),
        "n_holdout": 1000,
        "champion": Contender("3", champion),
        "baselines": [],
    }
    given = {
        "challenger": Contender("cnn", 0.9),
        "paired": paired,
        "groups": [group],
        "trial": trial,
    }
    assert decide(**case, **given).verdict == "promote"
    changed: Any
    if place == "challenger":
        # An accuracy beyond all numbers is none either.
        changed = {"challenger": Contender("cnn", nothing)}
    elif place in ("low", "high"):
        changed = {"paired": dataclasses.replace(paired, **{place: nothing})}
    elif place == "p_value":
        changed = {"paired": dataclasses.replace(paired, p_value=math.nan)}
    elif place == "group":
        changed = {"groups": [dataclasses.replace(group, challenger=nothing, loss=math.nan)]}
    elif place == "latency":
        changed = {"trial": dataclasses.replace(trial, latency_ms=math.nan)}
    else:
        changed = {"trial": dataclasses.replace(trial, size_bytes=math.nan)}
    assert decide(**case, **{**given, **changed}).verdict == "keep"


@given(case=sound, step=st.floats(0.0, 0.5))
@settings(max_examples=400, deadline=None)
def test_a_better_challenger_never_loses_its_promotion(case: dict[str, Any], step: float) -> None:
    """All else equal, a better score, a larger gain, a smaller p-value and a faster model only help."""
    # Else hardly one in a hundred would be promoted to begin with.
    case = {**case, "limits": Limits(min_gain=0.01, max_group_loss=0.9)}
    case["trial"] = dataclasses.replace(case["trial"], passed=True)
    assume(case["approval"] != "shadow")
    before = decide(**case)
    change = -step if case["is_error"] else step
    case = {**case, "challenger": Contender("cnn", case["challenger"].score + change)}
    if case["paired"] is not None:
        paired = case["paired"]
        raised = {name: getattr(paired, name) + step for name in ("gain", "low", "high")}
        p_value = None if paired.p_value is None else paired.p_value * (1.0 - step)
        case["paired"] = dataclasses.replace(paired, **raised, p_value=p_value)
    case["groups"] = [dataclasses.replace(g, loss=g.loss - step) for g in case["groups"]]
    trial = case["trial"]
    case["trial"] = dataclasses.replace(trial, latency_ms=trial.latency_ms * (1.0 - step))
    assert ORDER.index(decide(**case).verdict) >= ORDER.index(before.verdict)


@given(
    n_rows=st.integers(50, 5000),
    shares=st.tuples(st.floats(0.0, 0.5), st.floats(0.0, 0.5)),
    min_gain=st.floats(0.0, 0.1),
)
@settings(max_examples=200, deadline=None)
def test_two_models_never_both_beat_each_other(
    n_rows: int, shares: tuple[float, float], min_gain: float
) -> None:
    """Exchange champion and challenger, and at most one of the two is promoted; of equals neither."""
    n_gained, n_lost = (int(share * n_rows) for share in shares)

    def judge(gained: int, lost: int) -> str:
        decision = decide(
            metric="accuracy",
            is_error=False,
            limits=Limits(min_gain=min_gain),
            n_holdout=n_rows,
            challenger=Contender("a", 0.5 + gained / n_rows / 2),
            champion=Contender("b", 0.5 + lost / n_rows / 2),
            baselines=[],
            trial=Trial(True, "It loads."),
            paired=compare_hits(gained, lost, n_rows, significance=0.05, seed=7),
        )
        return decision.verdict

    verdicts = {judge(n_gained, n_lost), judge(n_lost, n_gained)}
    assert verdicts <= ({"keep"} if n_gained == n_lost else {"keep", "promote"})
    assert verdicts != {"promote"}


@given(case=sound)
@settings(max_examples=300, deadline=None)
def test_a_first_night_asks_nothing_about_a_champion(case: dict[str, Any]) -> None:
    """Without a champion the verdict does not depend on what is said of one."""
    alone = {**case, "champion": None, "paired": None, "groups": []}
    assert decide(**{**case, "champion": None}) == decide(**alone)
    unknown = {**case, "champion": Contender("3", math.nan)}
    first, after = decide(**alone), decide(**unknown)
    assert first.verdict == after.verdict
    assert first.rules == after.rules or any(math.isnan(r.figure) for r in first.rules)
