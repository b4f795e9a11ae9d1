"""The JSON Schema of workflow files, so that editors complete and check them.

Ground module; ``nocturne schema`` prints it.
"""

from __future__ import annotations

from typing import Any

from tasks.workflow.models import Workflow


def workflow_json_schema() -> dict[str, Any]:
    """Describe a workflow file as JSON Schema (draft 2020-12).

    Returns
    -------
    dict
        JSON-able; keys carry the descriptions of the models.
    """
    schema = Workflow.model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Nocturne workflow",
        **{k: v for k, v in schema.items() if k != "title"},
    }
