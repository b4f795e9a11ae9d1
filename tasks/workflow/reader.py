"""Read workflow files and say of a broken one which line to correct.

Ground module; it never executes what it reads (safe YAML), and one broken file does not stop the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from tasks.errors import NocturneError, RequestError, WorkflowError, nearest
from tasks.settings import Settings
from tasks.workflow.models import Workflow

SUFFIXES = (".yaml", ".yml")
MAX_FILE_BYTES = 1024 * 1024  # a workflow file is a page or two; more is a mistake or an attack
MAX_NODES = 20_000  # the same, for aliases that multiply

# libyaml's loader: 500 files in 0.3 s where the pure-Python one takes 2.7 s.
_Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class LoadedWorkflow:
    """What became of one workflow file: a workflow, or the error that says why not."""

    path: Path
    workflow: Workflow | None
    error: NocturneError | None

    @property
    def name(self) -> str:
        """The workflow's name, which is the file's."""
        return self.path.stem


def list_workflow_files(folder: Path) -> list[Path]:
    """List a folder's workflow files, sorted by name."""
    if not folder.is_dir():
        return []
    return sorted(
        p for p in folder.iterdir() if p.suffix in SUFFIXES and not p.name.startswith(".")
    )


def load_workflows(settings: Settings, *, only: str | None = None) -> list[LoadedWorkflow]:
    """Read every workflow file; a broken one is returned with its error.

    Parameters
    ----------
    settings : Settings
        Names the folders of workflows and suites.
    only : str, optional
        Read the workflow of this name alone.

    Returns
    -------
    list of LoadedWorkflow, sorted by file name
    """
    loaded = []
    for path in list_workflow_files(settings.workflows_dir):
        if only is not None and path.stem != only:
            continue
        try:
            loaded.append(LoadedWorkflow(path, load_workflow(path, settings), None))
        except NocturneError as error:
            loaded.append(LoadedWorkflow(path, None, error))
    return loaded


def find_workflow(
    name_or_file: str, settings: Settings, *, check_suites: bool = True
) -> tuple[Workflow, Path]:
    """Read the workflow of this name, or of this file.

    Parameters as for :func:`load_workflow`.

    Raises
    ------
    RequestError
        When there is none, naming the nearest.
    WorkflowError
        When its file is broken.
    """
    path = Path(name_or_file)
    if path.suffix not in SUFFIXES:
        files = list_workflow_files(settings.workflows_dir)
        matches = [p for p in files if p.stem == name_or_file]
        if not matches:
            raise RequestError(
                f"There is no workflow {name_or_file!r} in {settings.workflows_dir}.",
                expected=nearest(name_or_file, [p.stem for p in files]),
                hint="give the name of a file in that folder, or the path of a .yaml file",
            )
        path = matches[0]
    return load_workflow(path, settings, check_suites=check_suites), path


def load_workflow(path: Path, settings: Settings, *, check_suites: bool = True) -> Workflow:
    """Read one workflow file.

    Parameters
    ----------
    path : Path
        A YAML file whose stem is the workflow's name.
    settings : Settings
        Names the folder of suites.
    check_suites : bool
        Whether the workflow's suites must exist; ``nocturne profile`` is about to write them.

    Returns
    -------
    Workflow

    Raises
    ------
    WorkflowError
        When the file is missing, unreadable, not YAML, or holds something that is not understood;
        the message names file, line, what was found and what was expected.
    """
    text = _read_text(path)
    try:
        root = yaml.compose(text, Loader=_Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise WorkflowError(*_describe_yaml_error(path, error)) from error
    if not isinstance(root, yaml.MappingNode):
        raise WorkflowError(
            f"{path}:1: found no keys.",
            expected="a mapping that begins with 'name: " + path.stem + "'",
            hint="see workflows/digits.yaml for a whole example",
        )
    _refuse_repeated_keys(path, root)
    loader = _Loader("")
    try:
        document = loader.construct_document(root)
    except (yaml.YAMLError, ValueError) as error:
        raise WorkflowError(*_describe_yaml_error(path, error)) from error
    finally:
        loader.dispose()
    try:
        workflow = Workflow.model_validate(document)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        located = [d["loc"] for d in errors]
        found = [
            _describe(path, root, details)
            for details in errors
            # "at least one item" after the item itself was refused says nothing more.
            if not any(
                len(o) > len(details["loc"]) and o[: len(details["loc"])] == details["loc"]
                for o in located
            )
        ]
        raise WorkflowError(
            "\n".join(found), hint="correct the file; `nocturne check` reads it again"
        ) from error
    _check_name(path, root, workflow)
    if check_suites:
        _check_suites(path, root, workflow, settings)
    return workflow


def _read_text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise WorkflowError(
                f"{path} has {path.stat().st_size:,} bytes.",
                expected=f"at most {MAX_FILE_BYTES:,}",
                hint="is this a workflow file?",
            )
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        siblings = [p.name for p in list_workflow_files(path.parent)]
        raise WorkflowError(
            f"The workflow file {path} does not exist.",
            expected=nearest(path.name, siblings),
            hint="check the path",
        ) from error
    except UnicodeDecodeError as error:
        raise WorkflowError(
            f"{path} is not UTF-8 text: {error.reason} at byte {error.start}.",
            expected="a YAML file in UTF-8",
            hint="save it as UTF-8",
        ) from error
    except OSError as error:
        raise WorkflowError(
            f"{path} cannot be read: {error.strerror}.",
            expected="a readable file",
            hint="check its permissions",
        ) from error


def _describe_yaml_error(path: Path, error: Exception) -> tuple[str]:
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark else 1
    problem = getattr(error, "problem", None) or str(error)
    context = getattr(error, "context", None)
    return (
        f"{path}:{line}: this is not YAML: {problem}" + (f" ({context})" if context else "") + ".",
    )


def _refuse_repeated_keys(path: Path, root: yaml.MappingNode) -> None:
    stack: list[yaml.Node] = [root]
    n_nodes = 0
    while stack:
        node = stack.pop()
        n_nodes += 1
        if n_nodes > MAX_NODES:
            raise WorkflowError(
                f"{path}: more than {MAX_NODES:,} values (aliases count each time).",
                expected="a file a person wrote",
                hint="remove the aliases that multiply",
            )
        if isinstance(node, yaml.SequenceNode):
            stack.extend(node.value)
        elif isinstance(node, yaml.MappingNode):
            seen: dict[str, int] = {}
            for key, value in node.value:
                line = key.start_mark.line + 1
                if str(key.value) in seen:
                    raise WorkflowError(
                        f"{path}:{line}: the key {key.value!r} stands a second time "
                        f"(first on line {seen[str(key.value)]}).",
                        expected="each key once",
                        hint="remove one of the two",
                    )
                seen[str(key.value)] = line
                stack.append(value)


def _describe(path: Path, root: yaml.Node, details: ErrorDetails) -> str:
    context = details.get("ctx", {})
    location: list[str | int] = list(details["loc"])
    kind = details["type"]
    if kind == "cross_check":
        location += [int(p) if p.isdigit() else p for p in context["at"].split(".") if p]
        found, expected = context["what"], context["expected"]
    elif kind == "unknown_key":
        location.append(context["key"])
        found, expected = "unknown key", nearest(context["key"], context["known"])
    elif kind == "missing":
        found, expected = "this key is missing", "a value"
    elif kind in ("union_tag_invalid", "union_tag_not_found"):
        location.append(str(context["discriminator"]).strip("'"))
        tag = str(context.get("tag", ""))
        known = [t.strip(" '") for t in str(context.get("expected_tags", "")).split(",") if t]
        found = f"unknown value {tag!r}" if tag else "this key is missing"
        expected = nearest(tag, known) if tag else "a value"
    elif kind == "literal_error":
        found = f"unknown value {details['input']!r}"
        known = [t.strip(" '") for t in context["expected"].replace(" or ", ",").split(",")]
        expected = nearest(str(details["input"]), known)
    else:
        found, expected = f"{details['input']!r}", details["msg"]
    line, key_path = _locate(root, location)
    return f"{path}:{line}: {key_path or 'the file'}: found {found}; expected {expected}"


def _locate(root: yaml.Node, location: list[str | int]) -> tuple[int, str]:
    """Line (from 1) and dotted path of a pydantic location, skipping the union tags in it."""
    node, line, parts = root, 1, []
    for i, part in enumerate(location):
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == str(part):
                    node, line = value, key.start_mark.line + 1
                    parts.append(str(part))
                    break
            else:
                if i == len(location) - 1:
                    parts.append(str(part))  # the missing key itself
        elif (
            isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value)
        ):
            node = node.value[part]
            line = node.start_mark.line + 1
            parts.append(str(part))
    return line, ".".join(parts)


def _check_name(path: Path, root: yaml.Node, workflow: Workflow) -> None:
    if workflow.name != path.stem:
        line, _ = _locate(root, ["name"])
        raise WorkflowError(
            f"{path}:{line}: name: found {workflow.name!r}; expected {path.stem!r}, as the file is called",
            hint="rename the file or the workflow",
        )


def _check_suites(path: Path, root: yaml.Node, workflow: Workflow, settings: Settings) -> None:
    suites = [p.stem for p in settings.expectations_dir.glob("*.json")]
    for part, suite in (("raw", workflow.expectations.raw), ("clean", workflow.expectations.clean)):
        if suite not in suites:
            line, _ = _locate(root, ["expectations", part])
            raise WorkflowError(
                f"{path}:{line}: expectations.{part}: there is no suite {suite!r} "
                f"in {settings.expectations_dir}",
                expected=nearest(suite, suites) if suites else "a suite of that name",
                hint=f"let `nocturne profile {workflow.name}` propose it from the data, or name another",
            )
