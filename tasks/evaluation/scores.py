"""The document ``scores.json``: everybody's figures, the challenger's gain, and the groups.

Made by ``comparison.py`` of ``tasks.evaluation``; read by the gate, the report and the interpretation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tasks.evaluation.contenders import Role
from tasks.evaluation.groups import Group
from tasks.evaluation.scorer import Figures, Interval
from tasks.metrics import PairedGain, is_smaller_better, to_nulls
from tasks.workflow import Metric, PredictKind


@dataclass(frozen=True)
class ModelScores:
    """One model's figures by name: on validation rows (where there are any) and on the hold-out."""

    role: Role
    version: str | None
    size_bytes: int | None
    latency_ms: float | None
    problem: str | None
    validation: Figures | None
    holdout: Figures
    interval: Interval


@dataclass(frozen=True)
class Comparison:
    """All models on the same rows, and the candidate that challenges.

    Parameters
    ----------
    kind : {"classification", "regression", "forecast"}
    metric : str
        What is compared.
    n_holdout, n_validation : int
        Rows; of forecasts windows.
    challenger : str
    models : mapping of str to ModelScores
        Candidates best first, then baselines best first, then the champion.
    paired : PairedGain or None
        Challenger and champion on the same rows; None without a champion that could be scored.
    groups : tuple of Group
        Everybody by class and by slice.
    details : mapping of str to object
        What the kind adds to the document.
    """

    kind: PredictKind
    metric: Metric
    n_holdout: int
    n_validation: int
    challenger: str
    models: Mapping[str, ModelScores]
    paired: PairedGain | None
    groups: tuple[Group, ...]
    details: Mapping[str, Any]

    def list_models(self, role: Role) -> list[str]:
        """Names of the models of a role, best first."""
        return [name for name, scores in self.models.items() if scores.role == role]

    def to_json(self) -> dict[str, Any]:
        """Make the document ``scores.json``; a figure that is no number is null."""
        return {
            "kind": self.kind,
            "metric": self.metric,
            "is_error": is_smaller_better(self.metric),
            "n_holdout": self.n_holdout,
            "n_validation": self.n_validation,
            "challenger": self.challenger,
            "models": {
                name: {
                    "role": scores.role,
                    **({"version": scores.version} if scores.version else {}),
                    **({"problem": scores.problem} if scores.problem else {}),
                    "size_bytes": scores.size_bytes,
                    "latency_ms": scores.latency_ms,
                    "validation": to_nulls(scores.validation),
                    "holdout": to_nulls(scores.holdout),
                    "interval": {self.metric: to_nulls(list(scores.interval))},
                }
                for name, scores in self.models.items()
            },
            "paired": self._describe_pair(),
            "groups": to_nulls([group.to_json() for group in self.groups]),
            **to_nulls(dict(self.details)),
        }

    def _describe_pair(self) -> dict[str, Any] | None:
        if self.paired is None:
            return None
        champion = self.models[self.list_models("champion")[0]]
        return self.paired.to_json(champion.version, self.metric)
