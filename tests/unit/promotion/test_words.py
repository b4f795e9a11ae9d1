"""What people read of a decision: the reason, the paragraph and the table."""

from __future__ import annotations

from typing import Any

import pytest

from tasks.metrics import PairedGain
from tasks.promotion.figures import Contender, Trial
from tasks.promotion.policy import Approval, Decision, decide
from tasks.promotion.rules import Limits
from tasks.promotion.words import tabulate_rules

SERVES = Trial(True, "It loads and predicts 16 rows as it did in its night.", 2.5, 4e6, 1e-7, 1e-3)
SURE = PairedGain(0.01, 0.0076, 0.0124, 0.9, 5.57e-13, (150, 50))
DOUBTFUL = PairedGain(0.01, -0.001, 0.021, 0.9, 0.2, (60, 40))


def judge(
    challenger: float,
    champion: float | None,
    paired: PairedGain | None = None,
    approval: Approval = "auto",
    trial: Trial = SERVES,
    **limits: Any,
) -> Decision:
    return decide(
        metric="accuracy",
        is_error=False,
        limits=Limits(floor=0.9, **limits),
        n_holdout=10_000,
        challenger=Contender("cnn", challenger),
        champion=None if champion is None else Contender("3", champion),
        baselines=[Contender("logistic_regression", 0.93)],
        paired=paired,
        trial=trial,
        approval=approval,
    )


@pytest.mark.parametrize(
    ("decision", "reason"),
    [
        (
            judge(0.97, None),
            "cnn reached 0.9700 accuracy on 10,000 hold-out rows and becomes the first champion.",
        ),
        (
            judge(0.89, None),
            (
                "cnn reached 0.8900 accuracy on 10,000 hold-out rows; there is still no champion. "
                "Not met: accuracy of at least 0.9000: cnn has 0.8900."
            ),
        ),
        (
            judge(0.97, 0.96, SURE),
            (
                "cnn reached 0.9700 accuracy on 10,000 hold-out rows, the champion (version 3) 0.9600: "
                "cnn becomes champion."
            ),
        ),
        (
            judge(0.95, 0.97, SURE),
            (
                "cnn reached 0.9500 accuracy on 10,000 hold-out rows; version 3 stays champion. Not met: "
                "more than 0.0000 accuracy above the champion (version 3) with 0.9700: "
                "cnn has 0.9500, -0.0200."
            ),
        ),
        (
            judge(0.97, 0.96, SURE, "approve"),
            (
                "cnn reached 0.9700 accuracy on 10,000 hold-out rows, the champion (version 3) 0.9600: "
                "every rule is met, and a person decides."
            ),
        ),
        (
            judge(0.97, 0.96, SURE, "shadow"),
            (
                "cnn reached 0.9700 accuracy on 10,000 hold-out rows, the champion (version 3) 0.9600: "
                "every rule is met, and cnn only runs along."
            ),
        ),
        (
            judge(0.97, None, None, "approve"),
            (
                "cnn reached 0.9700 accuracy on 10,000 hold-out rows, there is no champion: "
                "every rule is met, and a person decides."
            ),
        ),
        (
            judge(0.97, 0.96, DOUBTFUL, "approve_if_borderline"),
            (
                "cnn reached 0.9700 accuracy on 10,000 hold-out rows, the champion (version 3) 0.9600: "
                "the gain could be chance, and a person decides. Not met: a gain above 0.0000 on resampled "
                "hold-outs too: it is -0.001 to +0.0210 on 90 % of them."
            ),
        ),
    ],
)
def test_the_reason_says_who_what_and_why(decision: Decision, reason: str) -> None:
    """A person who reads only the reason knows what happened and why."""
    assert decision.reason == reason


def test_the_paragraph_of_a_promotion() -> None:
    """Who against whom, how sure, whether it serves, and what follows, in words for a manager."""
    assert judge(0.97, 0.96, SURE).paragraph == (
        "Tonight's best candidate, cnn, reached 97.00 % accuracy on 10,000 hold-out rows that it was "
        "not trained on; the best baseline, logistic_regression, 93.00 % and the present champion, "
        "version 3, 96.00 %. It is 1.00 points better than the champion; with other rows of the same "
        "kind it would be +0.76 to +1.24 points (90 % interval): that is more than chance. It "
        "is right on 150 rows on which the champion is wrong, and wrong on 50 on which the champion is "
        "right. In a fresh process it loads, says the same and predicts a row in 2.5 milliseconds. "
        "All 6 rules are met: it becomes champion."
    )


def test_the_paragraph_of_a_refusal_names_every_rule() -> None:
    """Nothing that was not met is left out, and who stays is said."""
    broken = Trial(False, "It was not done in 120 seconds.")
    paragraph = judge(0.961, 0.96, DOUBTFUL, trial=broken, max_latency_ms=10.0).paragraph
    assert "that can be chance" in paragraph
    assert "In a fresh process" not in paragraph
    assert paragraph.endswith(
        "Version 3 stays champion: 4 of 7 rules not met. (1) a gain above 0.0000 on resampled "
        "hold-outs too: it is -0.001 to +0.0210 on 90 % of them. (2) a p-value of at most 0.05: cnn "
        "alone is right on 60 rows, version 3 alone on 40, p = 0.2000. (3) one row in at most 10 ms, "
        "at the median: it was not measured. (4) serves in a fresh process: it was not done in 120 "
        "seconds."
    )


def test_the_paragraph_of_a_tie() -> None:
    """Nobody is called better by nothing."""
    tie = PairedGain(0.0, 0.0, 0.0, 0.9, 1.0, (0, 0))
    assert "It is as good as the champion; with other rows" in judge(0.96, 0.96, tie).paragraph


def test_the_paragraph_of_a_gain_that_is_only_just_enough() -> None:
    """A manager is told that it was close."""
    near = PairedGain(0.01, 0.0005, 0.0195, 0.9)
    assert judge(0.97, 0.96, near, "approve_if_borderline").paragraph.endswith(
        "All 5 rules are met, though only just: a person decides whether it becomes champion."
    )


def test_the_table_has_a_line_for_each_rule() -> None:
    """Figures with their units; what was not measured says so."""
    decision = judge(0.97, 0.96, SURE, max_latency_ms=10.0, max_size_mb=3.0)
    assert tabulate_rules(decision.rules) == (
        "| rule | figure | limit | met |\n"
        "|---|---|---|---|\n"
        "| floor | 0.9700 | 0.9000 | yes |\n"
        "| better than the baseline | 0.9700 | 0.9300 | yes |\n"
        "| gain over the champion | 0.0100 | 0.0000 | yes |\n"
        "| gain beyond chance | 0.0076 | 0.0000 | yes |\n"
        "| McNemar's test | 5.57e-13 | 0.0500 | yes |\n"
        "| latency | 2.5 ms | 10 ms | yes |\n"
        "| size | 4 MB | 3 MB | no |\n"
        "| smoke test | 1e-07 | 0.001 | yes |"
    )
