"""The registry: a model is registered once, and an alias is moved, never deleted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from registry_support import publish_model

from tasks.errors import PromotionError
from tasks.registry import CHAMPION, find_alias, find_by_alias, move_alias, register_version
from tasks.settings import Settings
from tasks.tracking import Handoff

if TYPE_CHECKING:
    from mlflow import MlflowClient


def register(client: MlflowClient, model: Handoff, night: str) -> str:
    return register_version(
        client,
        "digits",
        model,
        night_run_id=night,
        description="x",
        version_tags={"candidate": "cnn"},
    ).version


def test_retry_finds_the_version_it_registered(client: MlflowClient, settings: Settings) -> None:
    """Registering the same model of the same night twice makes one version."""
    model, night = publish_model(client, settings)
    assert register(client, model, night) == register(client, model, night) == "1"


def test_another_night_is_another_version(client: MlflowClient, settings: Settings) -> None:
    """The same model of another night, or another model of the same night, is another version."""
    model, night = publish_model(client, settings)
    other, _ = publish_model(client, settings, "other weights")
    assert [register(client, model, night), register(client, model, "b"), register(client, other, night)] == ["1", "2", "3"]  # fmt: skip


def test_alias_points_at_one_version_and_moves(client: MlflowClient, settings: Settings) -> None:
    """The champion is what the alias points at, and its artifact is found from it."""
    model, night = publish_model(client, settings)
    assert find_by_alias(client, "digits", CHAMPION) is None
    first = register(client, model, night)
    assert find_by_alias(client, "digits", CHAMPION) is None
    move_alias(client, "digits", CHAMPION, first)
    second = register(client, model, "another night")
    move_alias(client, "digits", CHAMPION, second)
    champion = find_by_alias(client, "digits", CHAMPION)
    assert champion is not None
    assert champion.version == second
    assert champion.model == Handoff(model.run_id, model.path, model.sha256)
    assert champion.tags["candidate"] == "cnn"


def test_version_can_be_loaded_by_its_uri(
    client: MlflowClient, settings: Settings, tmp_path: Path
) -> None:
    """`models:/digits@champion` leads to the model's files, as MLflow's own tools expect."""
    model, night = publish_model(client, settings)
    version = register(client, model, night)
    move_alias(client, "digits", CHAMPION, version)
    uri = client.get_model_version_download_uri("digits", version)
    assert uri.endswith(model.path)
    assert (settings.artifact_root / "digits" / model.run_id / "artifacts" / model.path / "MLmodel").is_file()  # fmt: skip


def test_alias_on_a_foreign_version_is_named(client: MlflowClient, settings: Settings) -> None:
    """A version that somebody registered by hand is refused with what to do."""
    model, _ = publish_model(client, settings)
    client.create_registered_model("digits")
    source = f"{client.get_run(model.run_id).info.artifact_uri}/{model.path}"
    client.create_model_version("digits", source, run_id=model.run_id)
    client.set_registered_model_alias("digits", CHAMPION, "1")
    with pytest.raises(PromotionError, match="was not registered by Nocturne"):
        find_by_alias(client, "digits", CHAMPION)
    assert find_alias(client, "digits", CHAMPION) == "1"


def test_a_deleted_version_takes_its_aliases_with_it(
    client: MlflowClient, settings: Settings
) -> None:
    """Nobody is champion then, and nothing breaks."""
    model, night = publish_model(client, settings)
    version = register(client, model, night)
    move_alias(client, "digits", CHAMPION, version)
    client.delete_model_version("digits", version)
    assert find_by_alias(client, "digits", CHAMPION) is None
    assert find_alias(client, "digits", CHAMPION) is None


def test_a_later_try_brings_tags_and_description_up_to_date(
    client: MlflowClient, settings: Settings
) -> None:
    """A night that is judged again says what it says now."""
    model, night = publish_model(client, settings)
    register(client, model, night)
    again = register_version(
        client, "digits", model, night_run_id=night, description="judged again",
        version_tags={"candidate": "cnn", "nocturne.verdict": "keep"},
    )  # fmt: skip
    assert again.version == "1"
    found = client.get_model_version("digits", "1")
    assert found.description == "judged again"
    assert again.tags == found.tags
    assert found.tags["nocturne.verdict"] == "keep"
