"""Approval: what a person is asked, and what becomes of the answer."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from approval_support import judge_night
from registry_support import Killed, check_history
from tests_support import make_night

from tasks.errors import NocturneError, PromotionError, RequestError, ServiceError
from tasks.promotion import approval, asking
from tasks.promotion.approval import Answer, answer
from tasks.promotion.asking import find_question, read_question
from tasks.promotion.question import Question, write_body
from tasks.promotion.words import escape_markup
from tasks.registry import CHAMPION, crown, find_alias, move_alias
from tasks.settings import Settings
from tasks.tracking import Night, tags

if TYPE_CHECKING:
    from mlflow import MlflowClient

Ask = Callable[..., Night]


@pytest.fixture
def ask(client: MlflowClient, settings: Settings) -> Ask:
    """Let nights of `digits` find a better challenger, and promote it as far as the gate does."""
    return functools.partial(judge_night, client, settings)


def must_ask(settings: Settings, night: Night) -> Question:
    question = find_question(settings, night)
    assert question is not None
    return question


def reply(
    settings: Settings,
    question: Question,
    *,
    approved: bool,
    by: str | None = "vera",
    why: str = "",
) -> Answer:
    return answer(
        settings,
        question.name,
        question.version,
        question.key,
        approved=approved,
        by=by,
        why=why,
    )


def read_tags(client: MlflowClient, version: str) -> dict[str, str]:
    return dict(client.get_model_version("digits", version).tags)


def test_a_person_sees_the_rules_and_who_stands_against_whom(
    client: MlflowClient, settings: Settings, ask: Ask
) -> None:
    """The question names both versions; the page holds the figures, the limits and where to read on."""
    first = ask(1, approval="auto")
    assert find_question(settings, first) is None
    night = ask(2, champion="1")
    question = must_ask(settings, night)
    assert question.subject == "digits: make version 2 (cnn) champion in place of version 1?"
    assert question.hours == 12.0
    for line in (
        "| challenger: cnn, version 2 | 0.9700 |",
        "| champion: version 1 | 0.9600 |",
        r"| best baseline: logistic\_regression | 0.9300 |",
        "| gain over the champion | 0.0100 | 0.0000 | yes |",
        f"The night of 2026-01-02, with its report under the step report: MLflow run {night.run_id}",
        "No answer within 12 hours means no: whoever is champion stays.",
    ):
        assert line in question.body
    assert find_alias(client, "digits", CHAMPION) == "1"
    assert read_question(settings, "digits", "2") == question


def test_approved_the_version_is_champion_and_the_history_names_the_person(
    client: MlflowClient, settings: Settings, ask: Ask
) -> None:
    """With the comment; and the version awaits nothing any more."""
    ask(1, approval="auto")
    night = ask(2, champion="1")
    question = must_ask(settings, night)
    outcome = reply(settings, question, approved=True, why=" Well done.\n")
    change = check_history(client)[-1]
    assert outcome.change == change
    assert (change.version, change.previous, change.action, change.by) == (
        "2", "1", "approved", "vera",
    )  # fmt: skip
    assert change.why.startswith("Well done. (the gate: cnn reached 0.9700 accuracy")
    assert tags.AWAITING not in read_tags(client, "2")
    said = read_tags(client, "2")[tags.PROMOTION]
    assert said.startswith("approved by vera on ")
    assert client.get_run(night.run_id).data.tags[tags.PROMOTION] == said


def test_the_first_champion_can_be_asked_about(
    client: MlflowClient, settings: Settings, ask: Ask
) -> None:
    """There is none to compare with, and none may have come meanwhile."""
    question = must_ask(settings, ask(1))
    assert question.subject == "digits: make version 1 (cnn) the first champion?"
    assert reply(settings, question, approved=True).change is not None
    assert find_alias(client, "digits", CHAMPION) == "1"


@pytest.mark.parametrize(
    ("by", "action", "who", "why"),
    [
        ("vera", "declined", "vera", "Too slow."),
        (None, "not_answered", "nobody", "no answer in time"),
    ],
)
def test_declined_or_not_answered_the_champion_stays(
    client: MlflowClient,
    settings: Settings,
    ask: Ask,
    by: str | None,
    action: str,
    who: str,
    why: str,
) -> None:
    """Who said no and why is remembered; silence is a no by nobody."""
    ask(1, approval="auto")
    question = must_ask(settings, ask(2, champion="1"))
    outcome = reply(settings, question, approved=False, by=by, why="Too slow." if by else "")
    assert outcome.change is None
    assert find_alias(client, "digits", CHAMPION) == "1"
    remark = check_history(client)[-1]
    assert (remark.version, remark.action, remark.by, remark.why) == ("2", action, who, why)
    assert tags.AWAITING not in read_tags(client, "2")


def test_the_same_answer_again_changes_nothing(
    client: MlflowClient, settings: Settings, ask: Ask
) -> None:
    """A task that was killed after the change is tried again, and ends as the first try would have."""
    ask(1, approval="auto")
    question = must_ask(settings, ask(2, champion="1"))
    first = reply(settings, question, approved=True)
    history = check_history(client)
    client.set_model_version_tag("digits", "2", tags.AWAITING, "approval")  # as if killed before
    assert reply(settings, question, approved=True) == first
    assert check_history(client) == history
    assert tags.AWAITING not in read_tags(client, "2")


def test_a_killed_answer_is_finished_by_its_retry(
    client: MlflowClient, settings: Settings, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before or after the alias moved, before or after the version was marked: once, and right."""
    ask(1, approval="auto")
    places = itertools.product(("crown", "note_outcome"), (False, True))
    for day, (name, is_made) in enumerate(places, start=2):
        question = must_ask(settings, ask(day, champion=str(day - 1)))
        real = getattr(approval, name)

        def die(*arguments: Any, real: Any = real, is_made: bool = is_made, **options: Any) -> None:
            if is_made:
                real(*arguments, **options)
            raise Killed

        with monkeypatch.context() as patched, pytest.raises(Killed):
            patched.setattr(approval, name, die)
            reply(settings, question, approved=True)
        assert find_alias(client, "digits", CHAMPION) in (str(day - 1), str(day))
        outcome = reply(settings, question, approved=True)
        assert outcome.change == check_history(client)[-1]
        assert tags.AWAITING not in read_tags(client, str(day))
    assert [c.version for c in check_history(client)] == ["1", "2", "3", "4", "5"]


def test_a_second_answer_is_no_answer(client: MlflowClient, settings: Settings, ask: Ask) -> None:
    """Whoever answers otherwise later is told what was answered before, and by whom."""
    ask(1, approval="auto")
    question = must_ask(settings, ask(2, champion="1"))
    reply(settings, question, approved=False, by="vera", why="Too slow.")
    with pytest.raises(
        PromotionError, match=r"though otto approved it: declined by vera on .*Too slow"
    ):
        reply(settings, question, approved=True, by="otto")
    other = must_ask(settings, ask(3, champion="1"))
    reply(settings, other, approved=True, by="vera")
    with pytest.raises(
        PromotionError, match="cannot be declined by otto any more: approved by vera"
    ):
        reply(settings, other, approved=False, by="otto")
    assert (
        reply(settings, other, approved=True, by="otto").change is None
    )  # nothing more to announce
    assert reply(settings, other, approved=False, by=None).change is None
    assert find_alias(client, "digits", CHAMPION) == "3"
    assert [c.action for c in check_history(client)] == ["promoted", "declined", "approved"]


def test_an_approval_is_refused_when_another_champion_reigns(
    client: MlflowClient, settings: Settings, ask: Ask
) -> None:
    """The comparison was with another one: it no longer holds, and the history says who wanted what."""
    for day in (1, 2):
        ask(day, approval="auto", champion=None if day == 1 else "1")
    question = must_ask(settings, ask(3, champion="2"))
    crown(
        client, settings, "digits", "1", expected="2", action="rolled_back", by="ann", why="It is bad.",
        key="x",
    )  # fmt: skip
    for _ in range(2):  # and so it is when the task is tried again
        with pytest.raises(
            PromotionError, match=r"though vera approved it: refused by vera .*champion"
        ):
            reply(settings, question, approved=True)
    changes = check_history(client)
    assert find_alias(client, "digits", CHAMPION) == "1"
    assert [c.action for c in changes] == ["promoted", "promoted", "rolled_back", "refused"]
    assert "The champion of digits is version 1 now" in changes[-1].why
    assert tags.AWAITING not in read_tags(client, "3")


def test_a_champion_moved_by_hand_counts_too(
    client: MlflowClient, settings: Settings, ask: Ask
) -> None:
    """The alias in MLflow decides who reigns, whoever moved it; moved to the version itself, all is well."""
    ask(1, approval="auto")
    question = must_ask(settings, ask(2, champion="1"))
    move_alias(client, "digits", CHAMPION, "2")
    outcome = reply(settings, question, approved=True)
    assert outcome.change is None  # it has been so before
    assert "moved by hand" in outcome.sentence
    other = must_ask(settings, ask(3, champion="2"))
    move_alias(client, "digits", CHAMPION, "1")
    with pytest.raises(PromotionError, match="refused by vera"):
        reply(settings, other, approved=True)
    assert find_alias(client, "digits", CHAMPION) == "1"


def test_a_newer_question_takes_an_older_ones_place(
    client: MlflowClient, settings: Settings, ask: Ask
) -> None:
    """The older one is withdrawn: to approve it does nothing, to let it pass is fine."""
    ask(1, approval="auto")
    older = must_ask(settings, ask(2, champion="1"))
    newer = must_ask(settings, ask(3, champion="1"))
    assert tags.AWAITING not in read_tags(client, "2")
    with pytest.raises(
        PromotionError, match=r"withdrawn by the night of 2026-01-03 .*version 3 takes its place"
    ):
        reply(settings, older, approved=True)
    assert reply(settings, older, approved=False, by=None).change is None
    with pytest.raises(RequestError, match=r"awaits no answer.*version 3 takes its place"):
        read_question(settings, "digits", "2")
    assert reply(settings, newer, approved=True).change is not None
    assert [c.action for c in check_history(client)] == ["promoted", "withdrawn", "approved"]


def test_an_older_night_that_asks_after_a_newer_one_is_withdrawn_itself(
    client: MlflowClient, settings: Settings, ask: Ask
) -> None:
    """Its task was cleared, or it was slow: the newer challenger's question stands."""
    ask(1, approval="auto")
    old, new = ask(2, champion="1"), ask(3, champion="1")
    assert find_question(settings, new) is not None
    ask(2, champion="1")  # promoted again: the version is marked as awaiting again
    assert tags.AWAITING in read_tags(client, "2")
    assert find_question(settings, old) is None
    assert tags.AWAITING not in read_tags(client, "2")
    assert find_question(settings, new) is not None


def test_a_promotion_withdraws_what_still_awaits(
    client: MlflowClient, settings: Settings, ask: Ask
) -> None:
    """A later night was so sure that nobody was asked; one that keeps the champion withdraws nothing."""
    ask(1, approval="auto")
    open_one = must_ask(settings, ask(2, champion="1"))
    assert find_question(settings, ask(3, champion="1", approval="shadow")) is None
    assert read_question(settings, "digits", "2") == open_one
    assert find_question(settings, ask(4, champion="1", approval="auto")) is None
    with pytest.raises(PromotionError, match="version 4 takes its place"):
        reply(settings, open_one, approved=True)
    assert find_alias(client, "digits", CHAMPION) == "4"


def test_a_question_that_was_answered_is_not_asked_again(
    client: MlflowClient, settings: Settings, ask: Ask
) -> None:
    """The night's task `promote` was cleared after the answer: the same decision, the same answer."""
    ask(1, approval="auto")
    night = ask(2, champion="1")
    reply(settings, must_ask(settings, night), approved=False)
    ask(2, champion="1")
    assert find_question(settings, night) is None
    assert read_tags(client, "2")[tags.PROMOTION].startswith("declined by vera")
    assert tags.AWAITING not in read_tags(client, "2")


def test_a_night_that_is_judged_again_asks_again(
    client: MlflowClient, settings: Settings, ask: Ask
) -> None:
    """The figures are others: an answer to the older question is none to this one."""
    ask(1, approval="auto")
    first = must_ask(settings, ask(2, champion="1"))
    second = must_ask(settings, ask(2, champion="1", score=0.98))
    assert (first.version, second.version) == ("2", "2")
    assert first.key != second.key
    with pytest.raises(PromotionError, match="was judged again since") as raised:
        reply(settings, first, approved=True)
    assert raised.value.hint == "answer the newer run of the DAG approval, if the gate asks at all"
    assert "judged again" in reply(settings, first, approved=False).sentence
    assert [c.action for c in check_history(client)] == ["promoted"]
    assert reply(settings, second, approved=True).change is not None


def test_a_version_that_was_deleted_cannot_be_approved(
    client: MlflowClient, settings: Settings, ask: Ask
) -> None:
    """And need not be declined."""
    ask(1, approval="auto")
    question = must_ask(settings, ask(2, champion="1"))
    client.delete_model_version("digits", "2")
    with pytest.raises(RequestError, match="has no version '2'"):
        reply(settings, question, approved=True)
    assert "Nothing is left to decline" in reply(settings, question, approved=False).sentence
    assert find_alias(client, "digits", CHAMPION) == "1"


def test_nobody_is_asked_about_a_version_that_awaits_nothing(
    client: MlflowClient, settings: Settings, ask: Ask
) -> None:
    """Whoever starts the DAG by hand is told what was last said of the version."""
    ask(1, approval="auto")
    with pytest.raises(RequestError, match=r"Version 1 of 'digits' awaits no answer.*promoted"):
        read_question(settings, "digits", "1")
    with pytest.raises(RequestError, match="has no version '7'"):
        read_question(settings, "digits", "7")
    assert client.get_model_version("digits", "1").version is not None


def test_an_answer_while_mlflow_is_down_is_tried_again(
    client: MlflowClient, settings: Settings, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At its beginning and in the middle of it: the error says that it may be repeated, and then it holds."""
    from mlflow.exceptions import MlflowException

    ask(1, approval="auto")
    question = must_ask(settings, ask(2, champion="1"))
    away = settings.model_copy(update={"tracking_uri": "http://127.0.0.1:9"})
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(ServiceError) as raised:
        reply(away, question, approved=True)
    assert raised.value.is_retryable

    def lose_call(*_: object, **__: object) -> None:
        raise MlflowException("API request failed: connection refused")

    with monkeypatch.context() as patched:
        patched.setattr(approval, "crown", lose_call)
        with pytest.raises(
            NocturneError, match="refused or lost a call of the step approval"
        ) as lost:
            reply(settings, question, approved=True)
    assert lost.value.is_retryable
    assert find_alias(client, "digits", CHAMPION) == "1"
    assert reply(settings, question, approved=True).change is not None


def test_a_night_that_promoted_nobody_asks_nothing(
    client: MlflowClient, settings: Settings
) -> None:
    """It stopped before it had registered a version."""
    assert asking.find_question(settings, make_night(client, settings)) is None


def test_values_of_the_data_do_nothing_in_the_page() -> None:
    """A slice's name is the data's: no picture comes from it, and no link under another name."""
    text = "slice city = ![x](http://evil/)<b>|\n# loses"
    assert escape_markup(text) == r"slice city = \!\[x\]\(http://evil/\)\<b\>\| \# loses"
    document = {
        "paragraph": text,
        "metric": "rmse",
        "is_error": True,
        "challenger": {"name": "cnn", "score": None},
        "champion": None,
        "baseline": None,
        "rules": [],
    }
    body = write_body(document, version="1", night="2026-01-01", link="there", hours=0.5)
    assert "](" not in body
    assert "| | rmse, less is better |" in body
    assert "| challenger: cnn, version 1 | no number |" in body
    assert "within 0.5 hours" in body
