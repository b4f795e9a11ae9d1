"""The MLflow model registry as Nocturne uses it, and who was champion from when to when."""

from tasks.registry.champion import crown, find_change, reconcile, record
from tasks.registry.history import Change, get_champion, list_changes, list_rolled_back
from tasks.registry.versions import (
    CHALLENGER,
    CHAMPION,
    ModelVersion,
    check_model,
    find_alias,
    find_by_alias,
    find_version,
    list_same,
    move_alias,
    register_version,
)

__all__ = [
    "CHALLENGER",
    "CHAMPION",
    "Change",
    "ModelVersion",
    "check_model",
    "crown",
    "find_alias",
    "find_by_alias",
    "find_change",
    "find_version",
    "get_champion",
    "list_changes",
    "list_rolled_back",
    "list_same",
    "move_alias",
    "reconcile",
    "record",
    "register_version",
]
