"""The names of the tags that Nocturne writes on MLflow runs and model versions.

Ground module: whoever reads or writes a tag takes its name from here.
"""

WORKFLOW = "nocturne.workflow"
NIGHT_DATE = "nocturne.night"
KEY = "nocturne.key"
SCORING_KEY = "nocturne.scoring_key"  # a scoring's, in place of a night's
SEED = "nocturne.seed"
GIT_COMMIT = "nocturne.git_commit"
LOCK_SHA256 = "nocturne.lock_sha256"
WORKFLOW_SHA256 = "nocturne.workflow_sha256"
RUNNER = "nocturne.runner"
PROCESS = "nocturne.process"
OUTCOME = "nocturne.outcome"

NIGHT_RUN = "nocturne.night_run"
STEP = "nocturne.step"
FINGERPRINT = "nocturne.fingerprint"
ERROR = "nocturne.error"
OUTPUTS = "nocturne.outputs"
DATASET_SHA256 = "nocturne.dataset_sha256"
WARM_START = "nocturne.warm_start"
VALIDATION = "nocturne.validation"
PROBLEM = "nocturne.problem"
COMPARED_WITH = "nocturne.compared_with"
PROFILE = "nocturne.profile"  # on a version: the profile of the rows it was trained on
DRIFT = "nocturne.drift"  # on a scoring: whether what has arrived drifted away from it

AIRFLOW_DAG = "airflow.dag_id"
AIRFLOW_RUN = "airflow.run_id"
AIRFLOW_TASK = "airflow.task_id"
AIRFLOW_MAP_INDEX = "airflow.map_index"
AIRFLOW_TRY = "airflow.try_number"
AIRFLOW_URL = "airflow.url"

VERDICT = "nocturne.verdict"
REASON = "nocturne.reason"
MODEL_NAME = "nocturne.model_name"
MODEL_VERSION = "nocturne.model_version"

# What has become of a version: on the version, and (PROMOTION) on its night and step.
PROMOTION = "nocturne.promotion"
AWAITING = "nocturne.awaiting"
ROLLED_BACK = "nocturne.rolled_back"
DECISION = "nocturne.decision"
EXAMPLE = "nocturne.example"
LEARNED_SHA256 = "nocturne.learned_sha256"

# An entry of the history of champions.
PREVIOUS_VERSION = "nocturne.previous_version"
ACTION = "nocturne.action"
BY = "nocturne.by"
WHY = "nocturne.why"
LOCK = "nocturne.lock"

MLFLOW_PARENT = "mlflow.parentRunId"
MLFLOW_NOTE = "mlflow.note.content"
MLFLOW_SOURCE = "mlflow.source.name"
MLFLOW_COMMIT = "mlflow.source.git.commit"
MLFLOW_EXPERIMENT_KIND = "mlflow.experimentKind"
