"""Keys and a workflow for the tests of privacy."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from tasks.workflow import Workflow

PSEUDONYM_KEY = bytes(range(32))
KEYS = {"old": bytes([1] * 32), "new": bytes([2] * 32)}


def encode(key: bytes) -> str:
    return base64.b64encode(key).decode()


@pytest.fixture
def environ() -> dict[str, str]:
    """The environment with keys in it; `new` encrypts."""
    return {
        "NOCTURNE_PSEUDONYM_KEY": encode(PSEUDONYM_KEY),
        "NOCTURNE_ENCRYPTION_KEYS": f"new:{encode(KEYS['new'])},old:{encode(KEYS['old'])}",
    }


@pytest.fixture
def make_workflow() -> Callable[..., Workflow]:
    """Make the workflow `people` with some steps of privacy."""

    def make(*privacy: dict[str, Any], own_id: str | None = "customer") -> Workflow:
        return Workflow.model_validate(
            {
                "name": "people",
                "description": "Who comes back?",
                "source": {"kind": "files", "path": "people.csv"},
                "columns": {
                    "id": own_id,
                    "target": "back",
                    "features": ["age", "zip", "town"],
                    "keep": ["name", "email", "born"],
                },
                "expectations": {"raw": "people_raw", "clean": "people_clean"},
                "split": {"by": "hash"},
                "privacy": list(privacy),
            }
        )

    return make
