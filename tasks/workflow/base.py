"""The base of every workflow model: frozen, and strict about unknown keys.

Used by ``tasks.workflow.models``; the errors carry what ``tasks.workflow.reader`` needs to name the line.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError


class WorkflowModel(BaseModel):
    """An immutable part of a workflow file that refuses keys it does not know."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, use_attribute_docstrings=True
    )

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, value: Any) -> Any:
        # Before pydantic's own check, because that one does not say which keys it knows.
        if isinstance(value, dict):
            known = {field.alias or name for name, field in cls.model_fields.items()}
            for key in value:
                if key not in known:
                    raise PydanticCustomError(
                        "unknown_key", "unknown key", {"key": str(key), "known": sorted(known)}
                    )
        return value


class OneKey(WorkflowModel):
    """A step of a list: a mapping with exactly one key, whose settings stand under it."""

    @model_validator(mode="after")
    def _check_one(self) -> OneKey:
        given = self._list_given()
        if len(given) != 1:
            found = f"{len(given)} keys ({', '.join(given)})" if given else "no key"
            raise refuse("", found, f"exactly one of {', '.join(type(self).model_fields)}")
        return self

    @property
    def key(self) -> str:
        """The key that is given."""
        return self._list_given()[0]

    @property
    def settings(self) -> WorkflowModel:
        """What stands under it."""
        settings: WorkflowModel = getattr(self, self.key)
        return settings

    def _list_given(self) -> list[str]:
        return [name for name in type(self).model_fields if getattr(self, name) is not None]


def refuse(at: str, what: str, expected: str) -> PydanticCustomError:
    """Error of a check between keys, to be raised by an ``after`` validator.

    Parameters
    ----------
    at : str
        Dotted path of the key at fault, relative to the model that checks.
    what, expected : str
        What was found and what would have been right.
    """
    return PydanticCustomError(
        "cross_check", "{what}", {"at": at, "what": what, "expected": expected}
    )
