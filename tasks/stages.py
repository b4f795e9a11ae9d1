"""The stages of a night: for each, its body, what the body is given, and what its result depends on.

Stands above the stages; ``tasks.night`` calls them from here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from tasks.cleaning import step as cleaning
from tasks.evaluation import step as evaluation
from tasks.ingestion import step as ingestion
from tasks.interpretation import step as interpretation
from tasks.mining import step as mining
from tasks.promotion import decide as deciding
from tasks.promotion import promote as promoting
from tasks.reporting import scoring_step as reporting_scoring
from tasks.reporting import step as reporting
from tasks.scoring import step as scoring
from tasks.settings import Settings
from tasks.tracking import Handoff, Step
from tasks.training import learning_curve
from tasks.training import step as training
from tasks.validation import step as validation
from tasks.workflow import Workflow

Handoffs = Mapping[str, Handoff]

# Beside its own folder, what the result of any step may depend on.
_SHARED_CODE = tuple(
    Path(__file__).with_name(n) for n in ("dataset", "metrics", "models", "preparation", "privacy")
)


@dataclass(frozen=True)
class Call:
    """What a step's body is called with.

    Parameters
    ----------
    step : Step
    workflow : Workflow
        As it stood when the night was opened.
    settings : Settings
    folder : Path
        The workflow file's folder.
    part : str
        Behind the dot in the step's name: the candidate, or the kind of mining.
    inputs : mapping of str to Handoff
        What the needed steps handed over, by name.
    """

    step: Step
    workflow: Workflow
    settings: Settings
    folder: Path
    part: str
    inputs: Handoffs

    def run(self, body: Callable[..., Handoffs], *inputs: str, **others: object) -> Handoffs:
        """Call a stage's function with inputs of the same names, and with what else is given."""
        named = {name: self.inputs[name] for name in inputs}
        return body(self.step, self.workflow, self.settings, **named, **others)

    def select(self, prefix: str) -> dict[str, Handoff]:
        """Select the inputs ``<prefix>.<name>``, by name."""
        start = f"{prefix}."
        return {k.removeprefix(start): v for k, v in self.inputs.items() if k.startswith(start)}


@dataclass(frozen=True)
class Stage:
    """A stage of a night.

    Parameters
    ----------
    module : module
        Whose folder holds the stage's code.
    body : callable
        Takes a :class:`Call`; gives the outputs by name.
    keys : tuple of str
        The part of the workflow file that the stage reads.
    is_background : bool
        Whether the steps beside it go first on a full machine.
    is_on_cpu : bool
        Whether it loads networks and leaves the cards to those that train.
    """

    module: ModuleType
    body: Callable[[Call], Handoffs]
    keys: tuple[str, ...]
    is_background: bool = False
    is_on_cpu: bool = False

    def cut_section(self, workflow: Workflow) -> object:
        """Cut out of the workflow what the stage reads, as JSON."""
        return workflow.model_dump(mode="json", by_alias=True, include=set(self.keys))

    def list_code(self) -> list[Path]:
        """List the folders of code that the stage's result may depend on."""
        return [Path(str(self.module.__file__)).parent, *_SHARED_CODE]


def find_stage(step: str) -> tuple[Stage, str]:
    """Find the stage of a planned step.

    Parameters
    ----------
    step : str
        As planned by :func:`tasks.workflow.plan_night`, such as ``train.cnn``, or by
        :func:`tasks.workflow.plan_scoring`.

    Returns
    -------
    stage : Stage
    part : str
        Behind the dot, such as ``cnn``; else empty.
    """
    stage, _, part = step.partition(".")
    return _STAGES[stage], part


def _ingest(call: Call) -> Handoffs:
    return call.run(ingestion.run, base_folder=call.folder)


def _validate_raw(call: Call) -> Handoffs:
    made = call.run(validation.run, data=call.inputs["raw"], stage="raw")
    return {"validation_raw": made["validation"], "rejected": made["rejected"]}


def _clean(call: Call) -> Handoffs:
    made = dict(call.run(cleaning.run, "raw", "unparsed", "rejected"))
    return {"cleaning_report": made.pop("report"), **made}


def _validate_clean(call: Call) -> Handoffs:
    made = call.run(validation.run, data=call.inputs["clean"], stage="clean")
    return {"validation_clean": made["validation"]}


def _mine(call: Call) -> Handoffs:
    return call.run(mining.run, "clean", "preparation", kind=call.part)


def _train(call: Call) -> Handoffs:
    made = call.run(training.run, "clean", "preparation", candidate=call.part)
    return {f"{name}.{call.part}": handoff for name, handoff in made.items()}


def _evaluate(call: Call) -> Handoffs:
    return call.run(
        evaluation.run,
        "raw",
        "clean",
        "preparation",
        models=call.select("model"),
        quarantine=call.inputs.get("quarantine"),
    )


def _decide(call: Call) -> Handoffs:
    return call.run(deciding.run_decide, "scores", models=call.select("model"))


def _promote(call: Call) -> Handoffs:
    return call.run(promoting.run_promote, "decision", "scores", models=call.select("model"))


def _interpret(call: Call) -> Handoffs:
    return call.run(
        interpretation.run, "raw", "clean", "preparation", "scores", models=call.select("model")
    )


def _draw_learning_curve(call: Call) -> Handoffs:
    return call.run(
        learning_curve.run_learning_curve,
        "clean",
        "preparation",
        "scores",
        histories=call.select("history"),
    )


def _draw_charts(call: Call) -> Handoffs:
    return call.run(reporting.run_charts, inputs=call.inputs)


def _report(call: Call) -> Handoffs:
    return call.run(reporting.run_report, inputs=call.inputs)


def _read_rows(call: Call) -> Handoffs:
    chosen = scoring.choose_rows(call.step, call.workflow)
    return ingestion.run(call.step, chosen, call.settings, base_folder=call.folder)


def _score(call: Call) -> Handoffs:
    return call.run(scoring.run_score, "raw", "unparsed")


def _report_scoring(call: Call) -> Handoffs:
    return call.run(reporting_scoring.run_report, "drift")


_STAGES = {
    "ingest": Stage(ingestion, _ingest, ("source", "columns", "privacy", "split", "timezone")),
    "validate_raw": Stage(validation, _validate_raw, ("columns", "expectations", "cleaning")),
    "clean": Stage(cleaning, _clean, ("columns", "cleaning", "split", "privacy", "predict")),
    "validate_clean": Stage(validation, _validate_clean, ("columns", "expectations")),
    "mine": Stage(mining, _mine, ("columns", "mining"), is_background=True),
    "train": Stage(training, _train, ("columns", "predict", "candidates", "baselines", "training")),
    "evaluate": Stage(
        evaluation,
        _evaluate,
        (
            "name",
            "columns",
            "privacy",
            "cleaning",
            "split",
            "predict",
            "baselines",
            "evaluation",
            "promotion",
        ),
        is_on_cpu=True,
    ),
    "decide": Stage(deciding, _decide, ("predict", "promotion")),
    "promote": Stage(promoting, _promote, ("name", "promotion")),
    "interpret": Stage(
        interpretation,
        _interpret,
        ("columns", "predict", "promotion"),
        is_background=True,
        is_on_cpu=True,
    ),
    "learning_curve": Stage(
        learning_curve,
        _draw_learning_curve,
        ("predict", "candidates", "training"),
        is_background=True,
    ),
    "charts": Stage(reporting, _draw_charts, ("columns",)),
    "report": Stage(reporting, _report, ("name", "description", "candidates")),
    "read_rows": Stage(
        ingestion, _read_rows, ("source", "columns", "privacy", "timezone", "scoring")
    ),
    "score": Stage(scoring, _score, ("name", "columns", "cleaning", "scoring"), is_on_cpu=True),
    "report_scoring": Stage(reporting_scoring, _report_scoring, ("name", "description")),
}
