"""The promote step: the challenger is registered with all that was decided, and crowned where it may be."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from registry_support import Killed, MortalClient, check_history, publish_model
from tests_support import make_night

from tasks.errors import PromotionError
from tasks.promotion.promote import find_promotion, run_promote
from tasks.registry import CHALLENGER, CHAMPION, crown, find_alias
from tasks.settings import Settings
from tasks.tracking import Handoff, Night, TaskIdentity, open_step, tags
from tasks.workflow import find_workflow

if TYPE_CHECKING:
    from mlflow import MlflowClient


def make_decision(verdict: str, champion: str | None, learned: str) -> dict[str, Any]:
    return {
        "learned_sha256": learned,
        "verdict": verdict,
        "reason": "cnn reached 0.9700 accuracy.",
        "paragraph": "Tonight's best candidate is cnn.",
        "metric": "accuracy",
        "challenger": {"name": "cnn", "score": 0.97},
        "champion": {"version": champion, "score": 0.96} if champion else None,
    }


def promote(
    client: MlflowClient,
    settings: Settings,
    night: Night,
    model: Handoff,
    *,
    verdict: str = "promote",
    champion: str | None = None,
    mortal: Any = None,
    learned: str | None = None,
) -> Handoff:
    """Run the step after a night with this decision; gives the decision's address."""
    with open_step(client, settings, night, "decide", inputs={}, task=TaskIdentity()) as step:
        path = step.workdir / "decision.json"
        path.write_text(
            json.dumps(make_decision(verdict, champion, learned or model.sha256)), encoding="utf-8"
        )
        decision = step.publish(path, "decision")
    scores = Handoff(decision.run_id, "scores/1", "1" * 64)
    workflow, _ = find_workflow(night.workflow, settings)
    with open_step(client, settings, night, "promote", inputs={}, task=TaskIdentity()) as step:
        step.client = mortal or client
        made = run_promote(
            step, workflow, settings, decision=decision, scores=scores, models={"cnn": model}
        )
    assert made == {}
    return decision


def read_promotions(client: MlflowClient, night: Night, version: str) -> set[str | None]:
    """What the night, its step and the version say became of the challenger."""
    (step,) = client.search_runs(
        [night.experiment_id],
        filter_string=f"tags.`{tags.NIGHT_RUN}` = '{night.run_id}' AND tags.`{tags.STEP}` = 'promote'",
    )
    told = [step.data.tags, client.get_run(night.run_id).data.tags]
    told.append(client.get_model_version(night.workflow, version).tags)
    return {found.get(tags.PROMOTION) for found in told}


def test_a_promoted_challenger_carries_all_that_was_decided(
    client: MlflowClient, settings: Settings
) -> None:
    """Description, verdict, decision and example are on the version; the history names the night."""
    night = make_night(client, settings, key="first")
    model, _ = publish_model(client, settings)
    decision = promote(client, settings, night, model)
    version = client.get_model_version("digits", "1")
    assert version.description == "Night 2026-01-07: Tonight's best candidate is cnn."
    assert Handoff.from_json(json.loads(version.tags[tags.DECISION])) == decision
    assert Handoff.from_json(json.loads(version.tags[tags.EXAMPLE])).path == "scores/1"
    assert version.tags[tags.VERDICT] == "promote"
    assert version.tags["accuracy"] == "0.970000"
    assert tags.AWAITING not in version.tags
    assert set(version.aliases) == {CHAMPION, CHALLENGER}
    (change,) = check_history(client)
    assert (change.action, change.by) == ("promoted", "the night of 2026-01-07")
    assert change.why == "cnn reached 0.9700 accuracy."
    assert find_promotion(client, night) == change
    assert read_promotions(client, night, "1") == {"promoted"}
    night_tags = client.get_run(night.run_id).data.tags
    assert (night_tags[tags.MODEL_NAME], night_tags[tags.MODEL_VERSION]) == ("digits", "1")


@pytest.mark.parametrize(
    ("verdict", "outcome", "awaits"),
    [("keep", "kept", None), ("ask", "awaiting approval", "approval"), ("shadow", "shadow", None)],
)
def test_who_is_not_promoted_is_registered_all_the_same(
    client: MlflowClient, settings: Settings, verdict: str, outcome: str, awaits: str | None
) -> None:
    """As the challenger, with the verdict; only who is asked about awaits something."""
    night = make_night(client, settings, key="first")
    model, _ = publish_model(client, settings)
    promote(client, settings, night, model, verdict=verdict)
    found = client.get_model_version("digits", "1")
    assert found.aliases == [CHALLENGER]
    assert found.tags[tags.VERDICT] == verdict
    assert found.tags.get(tags.AWAITING) == awaits
    assert read_promotions(client, night, "1") == {outcome}
    assert check_history(client) == []
    assert find_promotion(client, night) is None


def test_a_night_that_is_judged_again_takes_back_what_it_asked(
    client: MlflowClient, settings: Settings
) -> None:
    """The same version says what the later judgement says."""
    night = make_night(client, settings, key="first")
    model, _ = publish_model(client, settings)
    promote(client, settings, night, model, verdict="ask")
    promote(client, settings, night, model, verdict="keep")
    found = client.get_model_version("digits", "1")
    assert (found.tags[tags.VERDICT], found.tags.get(tags.AWAITING)) == ("keep", None)


def test_a_champion_that_changed_since_the_comparison_is_an_error(
    client: MlflowClient, settings: Settings
) -> None:
    """The challenger is registered; the champion stays who it became meanwhile."""
    first, second = (make_night(client, settings, key=key) for key in ("first", "second"))
    model, _ = publish_model(client, settings)
    promote(client, settings, first, model)
    with pytest.raises(PromotionError, match="is version 1 now; version 2 was to take over from none"):  # fmt: skip
        promote(client, settings, second, model)
    assert find_alias(client, "digits", CHAMPION) == "1"
    assert find_alias(client, "digits", CHALLENGER) == "2"


def test_what_was_rolled_back_is_not_promoted_again_by_itself(
    client: MlflowClient, settings: Settings
) -> None:
    """Neither the version, when its night is cleared, nor a model that has learned the same."""
    nights = [make_night(client, settings, key=str(i)) for i in range(4)]
    good, _ = publish_model(client, settings, "good")
    bad, _ = publish_model(client, settings, "bad")
    again, _ = publish_model(client, settings, "bad, packaged an hour later")
    other, _ = publish_model(client, settings, "other")
    promote(client, settings, nights[0], good)
    promote(client, settings, nights[1], bad, champion="1", learned="blind")
    rolled_back = crown(
        client, settings, "digits", "1", expected="2", action="rolled_back", by="ann",
        why="It is blind.", key="r",
    )  # fmt: skip
    day = rolled_back.at.date()
    for night, model, version, which in (
        (nights[1], bad, "2", "it"),
        (nights[2], again, "3", "the same model"),
    ):
        promote(client, settings, night, model, champion="1", learned="blind")
        assert read_promotions(client, night, version) == {
            f"held back: {which}, as version 2, was rolled back from on {day} by ann: It is blind."
        }
        found = client.get_model_version("digits", version)
        assert found.tags[tags.VERDICT] == "promote"
        assert find_promotion(client, night) is None
    promote(client, settings, nights[3], other, champion="1")
    assert [c.version for c in check_history(client)] == ["1", "2", "1", "4"]


def test_killed_after_any_write_the_retry_promotes_once(
    client: MlflowClient, settings: Settings
) -> None:
    """One version, one entry, the tags on it before it is champion, and a champion at every moment."""
    model, _ = publish_model(client, settings)
    promote(client, settings, make_night(client, settings, key="first"), model)
    counting = MortalClient(client)
    night = make_night(client, settings, key="counted")
    promote(client, settings, night, model, champion="1", mortal=counting)
    writes = [i for i, call in enumerate(counting.calls) if not call.startswith(("get_", "search_"))]  # fmt: skip
    assert len(writes) > 10
    for i in writes:
        night = make_night(client, settings, key=str(i))
        champion = find_alias(client, "digits", CHAMPION)
        mortal = MortalClient(client, i, is_made=True)
        with pytest.raises(Killed):
            promote(client, settings, night, model, champion=champion, mortal=mortal)
        reigning = find_alias(client, "digits", CHAMPION)
        assert reigning is not None
        found = client.get_model_version("digits", reigning)
        assert {tags.DECISION, tags.EXAMPLE, tags.VERDICT} <= set(found.tags)
        promote(client, settings, night, model, champion=champion)
        assert find_promotion(client, night) == check_history(client)[-1]
    assert len(check_history(client)) == 2 + len(writes)


def test_an_alias_moved_by_hand_is_noticed_by_the_next_night(
    client: MlflowClient, settings: Settings
) -> None:
    """Also by one that keeps the champion."""
    nights = [make_night(client, settings, key=str(i)) for i in range(2)]
    model, _ = publish_model(client, settings)
    promote(client, settings, nights[0], model, verdict="keep")
    client.set_registered_model_alias("digits", CHAMPION, "1")
    promote(client, settings, nights[1], model, verdict="keep")
    assert [(c.version, c.action) for c in check_history(client)] == [("1", "found")]
