"""The JSON Schema that editors read."""

from __future__ import annotations

import json
from pathlib import Path

import yaml
from jsonschema import Draft202012Validator

from tasks.workflow import workflow_json_schema

PROJECT = Path(__file__).resolve().parents[3]


def read(path: Path) -> object:
    # JSON Schema knows no dates: editors see them as text.
    return json.loads(json.dumps(yaml.safe_load(path.read_text(encoding="utf-8")), default=str))


def test_shipped_workflows_satisfy_the_schema() -> None:
    """What the reader accepts, the schema accepts."""
    validator = Draft202012Validator(workflow_json_schema())
    files = sorted((PROJECT / "workflows").glob("*.yaml"))
    assert files
    for path in files:
        assert not list(validator.iter_errors(read(path))), path


def test_schema_refuses_an_unknown_key() -> None:
    """An editor underlines a key that Nocturne does not know."""
    document = read(PROJECT / "workflows" / "digits.yaml")
    document["shedule"] = None  # type: ignore[index]
    errors = list(Draft202012Validator(workflow_json_schema()).iter_errors(document))
    assert any("shedule" in error.message for error in errors)


def test_schema_beside_the_workflows_is_current() -> None:
    """`workflows/schema.json`, which the shipped files name, is what `nocturne schema` prints."""
    shipped = json.loads((PROJECT / "workflows" / "schema.json").read_text(encoding="utf-8"))
    assert shipped == workflow_json_schema(), "run `nocturne schema > workflows/schema.json`"


def test_every_key_is_documented() -> None:
    """`docs/workflow-files.md` names each key that a workflow file may have."""
    text = (PROJECT / "docs" / "workflow-files.md").read_text(encoding="utf-8")
    schema = workflow_json_schema()
    models = [schema, *schema["$defs"].values()]
    keys = {key for model in models for key in model.get("properties", {})}
    missing = {
        key
        for key in keys
        if f"`{key}" not in text
        and f"{key}:" not in text
        and f"{{{key}" not in text
        and f", {key}" not in text
    }
    assert not missing
