"""Show a broken workflow file as an import error of its own, beside the DAGs that are sound.

Used by ``dags/nightly.py``. Raising there would name ``nightly.py`` and mark every other workflow's DAG
stale, so a broken file becomes a DAG that refuses to be serialised, under the workflow file's own path.
"""

from __future__ import annotations

from typing import Any, NoReturn

from airflow.sdk import DAG

from tasks.workflow import LoadedWorkflow


class BrokenWorkflow(DAG):
    """A DAG without tasks; serialising it raises what is wrong with its workflow file."""

    broken: LoadedWorkflow

    @property
    def relative_fileloc(self) -> str:
        """The path under which Airflow lists the import error: the workflow file's."""
        return f"workflows/{self.broken.path.name}"

    @relative_fileloc.setter
    def relative_fileloc(self, value: Any) -> None:
        """Ignore the path that Airflow's importer sets: it is always ``nightly.py``."""

    def get_serialized_fields(self) -> NoReturn:  # type: ignore[override]
        """Refuse to be serialised: the DAG processor records the error."""
        raise self.broken.error or RuntimeError(f"{self.broken.path} is broken")


def make_broken_dag(loaded: LoadedWorkflow) -> DAG:
    """Make the DAG that shows a broken workflow file.

    Parameters
    ----------
    loaded : LoadedWorkflow
        With an error.

    Returns
    -------
    DAG
        Airflow lists its error under the workflow file's path.
    """
    dag = BrokenWorkflow(dag_id=loaded.name, schedule=None)
    dag.broken = loaded
    return dag
