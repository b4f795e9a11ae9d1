"""The MLflow model registry as Nocturne uses it: versions registered once, aliases moved in one call.

Ground module; promotion writes through it, evaluation and the command line read.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tasks.errors import PromotionError, RequestError, nearest
from tasks.tracking import Handoff, tags

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion as MlflowVersion

CHAMPION = "champion"
CHALLENGER = "challenger"

_MODEL_PATH = "nocturne.model_path"
_MODEL_SHA256 = "nocturne.model_sha256"
# What MLflow answers for a model, version or alias that does not exist, and for names that cannot.
_NOT_THERE = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")


@dataclass(frozen=True)
class ModelVersion:
    """One version of a registered model.

    Parameters
    ----------
    name, version : str
    model : Handoff
        The artifact it was registered from.
    tags : mapping of str to str
    """

    name: str
    version: str
    model: Handoff
    tags: Mapping[str, str]


def register_version(
    client: MlflowClient,
    name: str,
    model: Handoff,
    *,
    night_run_id: str,
    description: str,
    version_tags: Mapping[str, str],
) -> ModelVersion:
    """Register a model of a night, or find the version that an earlier try registered.

    Parameters
    ----------
    client : mlflow.MlflowClient
    name : str
        The registered model; made when it does not exist.
    model : Handoff
        An MLflow model folder among a run's artifacts.
    night_run_id : str
        With the model's digest it identifies the version from try to try.
    description : str
        For people.
    version_tags : mapping of str to str
        Written together with the version; those of an earlier try are brought up to date.

    Returns
    -------
    ModelVersion
    """
    from mlflow.exceptions import MlflowException

    with contextlib.suppress(MlflowException):  # it exists
        client.create_registered_model(name)
    identity = {tags.NIGHT_RUN: night_run_id, _MODEL_SHA256: model.sha256}
    for found in client.search_model_versions(f"name = '{name}'", max_results=10_000):
        if all(found.tags.get(key) == value for key, value in identity.items()):
            return _update(client, found, description, version_tags)
    source = f"{client.get_run(model.run_id).info.artifact_uri}/{model.path}"
    created = client.create_model_version(
        name,
        source,
        run_id=model.run_id,
        tags={**version_tags, **identity, _MODEL_PATH: model.path},
        description=description,
    )
    return _read(created)


def _update(
    client: MlflowClient, found: MlflowVersion, description: str, version_tags: Mapping[str, str]
) -> ModelVersion:
    """Write what a later try says of a version: the night may have been judged again."""
    for key, value in version_tags.items():
        if found.tags.get(key) != value:
            client.set_model_version_tag(found.name, str(found.version), key, value)
    if found.description != description:
        client.update_model_version(found.name, str(found.version), description)
    version = _read(found)
    return replace(version, tags={**version.tags, **version_tags})


def move_alias(client: MlflowClient, name: str, alias: str, version: str) -> None:
    """Point an alias at a version, in one call: there is no moment without a champion."""
    client.set_registered_model_alias(name, alias, version)


def find_by_alias(client: MlflowClient, name: str, alias: str) -> ModelVersion | None:
    """Find the version an alias points at, or None where the model or the alias does not exist.

    Raises
    ------
    PromotionError
        When the alias points at a version that Nocturne did not register.
    """
    from mlflow.exceptions import MlflowException

    try:
        found = client.get_model_version_by_alias(name, alias)
    except MlflowException as error:
        if error.error_code in _NOT_THERE:
            return None
        raise
    return _read(found)


def find_alias(client: MlflowClient, name: str, alias: str) -> str | None:
    """Find the version an alias points at, whoever registered it; None where there is none.

    MLflow removes an alias with the version it points at, so there is none on a deleted version.
    """
    from mlflow.exceptions import MlflowException

    try:
        return str(client.get_model_version_by_alias(name, alias).version)
    except MlflowException as error:
        if error.error_code in _NOT_THERE:
            return None
        raise


def list_same(client: MlflowClient, version: ModelVersion) -> list[str]:
    """List the versions that have learned the same, this one among them."""
    learned = version.tags.get(tags.LEARNED_SHA256)
    if learned is None:
        return [version.version]
    return [
        str(found.version)
        for found in client.search_model_versions(f"name = '{version.name}'", max_results=10_000)
        if found.tags.get(tags.LEARNED_SHA256) == learned
    ]


def check_model(client: MlflowClient, name: str) -> None:
    """Check that there is a registered model of this name.

    Raises
    ------
    RequestError
        When there is none; with the nearest.
    """
    from mlflow.exceptions import MlflowException

    try:
        client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code not in _NOT_THERE:
            raise
        models = [model.name for model in client.search_registered_models(max_results=1000)]
        raise RequestError(
            f"There is no registered model {name!r}.",
            expected=nearest(name, models),
            hint="a night registers a model under its workflow's name",
        ) from error


def find_version(client: MlflowClient, name: str, version: str) -> ModelVersion:
    """Find a version by its number or by an alias.

    Parameters
    ----------
    client : mlflow.MlflowClient
    name : str
        The registered model: the workflow's name.
    version : str
        Such as ``3`` or ``champion``.

    Raises
    ------
    RequestError
        When there is no such model or version; with the nearest.
    PromotionError
        When the version was not registered by Nocturne.
    """
    from mlflow.exceptions import MlflowException

    try:
        if version.isdecimal():
            return _read(client.get_model_version(name, version))
        return _read(client.get_model_version_by_alias(name, version))
    except MlflowException as error:
        if error.error_code not in _NOT_THERE:
            raise
        check_model(client, name)
        aliases = client.get_registered_model(name).aliases
        versions = client.search_model_versions(f"name = '{name}'", max_results=10_000)
        numbers = sorted((str(found.version) for found in versions), key=int)
        raise RequestError(
            f"The registered model {name!r} has no version {version!r}.",
            expected=nearest(version, [*numbers, *aliases]),
            hint="give a version's number or an alias, such as 'champion'",
        ) from error


def _read(found: MlflowVersion) -> ModelVersion:
    try:
        model = Handoff(found.run_id, found.tags[_MODEL_PATH], found.tags[_MODEL_SHA256])
    except KeyError as error:
        raise PromotionError(
            f"Version {found.version} of the registered model {found.name!r} was not registered "
            f"by Nocturne: it has no tag {error.args[0]!r}.",
            expected="versions that a night has registered",
            hint="move the alias to such a version, or give the workflow another name",
        ) from error
    return ModelVersion(found.name, str(found.version), model, dict(found.tags))
