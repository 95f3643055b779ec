"""Messages of MLflow's protocol.

Generated from the protos of MLflow 3.17.2 by `python -m trackway.client_compat._generate`.
Do not edit. Rules that the protos do not state are in `quirks.py`; `wire.py` explains the classes.
"""

from __future__ import annotations

from typing import Final

from .wire import Enumeration, Message


class ViewType(Enumeration):
    ACTIVE_ONLY: Final = "ACTIVE_ONLY"
    DELETED_ONLY: Final = "DELETED_ONLY"
    ALL: Final = "ALL"
    _numbers = {
        "ACTIVE_ONLY": 1,
        "DELETED_ONLY": 2,
        "ALL": 3,
    }


class RunStatus(Enumeration):
    RUNNING: Final = "RUNNING"
    SCHEDULED: Final = "SCHEDULED"
    FINISHED: Final = "FINISHED"
    FAILED: Final = "FAILED"
    KILLED: Final = "KILLED"
    _numbers = {
        "RUNNING": 1,
        "SCHEDULED": 2,
        "FINISHED": 3,
        "FAILED": 4,
        "KILLED": 5,
    }


class LoggedModelStatus(Enumeration):
    LOGGED_MODEL_STATUS_UNSPECIFIED: Final = "LOGGED_MODEL_STATUS_UNSPECIFIED"
    LOGGED_MODEL_PENDING: Final = "LOGGED_MODEL_PENDING"
    LOGGED_MODEL_READY: Final = "LOGGED_MODEL_READY"
    LOGGED_MODEL_UPLOAD_FAILED: Final = "LOGGED_MODEL_UPLOAD_FAILED"
    _numbers = {
        "LOGGED_MODEL_STATUS_UNSPECIFIED": 0,
        "LOGGED_MODEL_PENDING": 1,
        "LOGGED_MODEL_READY": 2,
        "LOGGED_MODEL_UPLOAD_FAILED": 3,
    }


class ModelVersionStatus(Enumeration):
    PENDING_REGISTRATION: Final = "PENDING_REGISTRATION"
    FAILED_REGISTRATION: Final = "FAILED_REGISTRATION"
    READY: Final = "READY"
    _numbers = {
        "PENDING_REGISTRATION": 1,
        "FAILED_REGISTRATION": 2,
        "READY": 3,
    }


class WebhookEntity(Enumeration):
    ENTITY_UNSPECIFIED: Final = "ENTITY_UNSPECIFIED"
    REGISTERED_MODEL: Final = "REGISTERED_MODEL"
    MODEL_VERSION: Final = "MODEL_VERSION"
    MODEL_VERSION_TAG: Final = "MODEL_VERSION_TAG"
    MODEL_VERSION_ALIAS: Final = "MODEL_VERSION_ALIAS"
    PROMPT: Final = "PROMPT"
    PROMPT_VERSION: Final = "PROMPT_VERSION"
    PROMPT_TAG: Final = "PROMPT_TAG"
    PROMPT_VERSION_TAG: Final = "PROMPT_VERSION_TAG"
    PROMPT_ALIAS: Final = "PROMPT_ALIAS"
    BUDGET_POLICY: Final = "BUDGET_POLICY"
    _numbers = {
        "ENTITY_UNSPECIFIED": 0,
        "REGISTERED_MODEL": 1,
        "MODEL_VERSION": 2,
        "MODEL_VERSION_TAG": 3,
        "MODEL_VERSION_ALIAS": 4,
        "PROMPT": 5,
        "PROMPT_VERSION": 6,
        "PROMPT_TAG": 7,
        "PROMPT_VERSION_TAG": 8,
        "PROMPT_ALIAS": 9,
        "BUDGET_POLICY": 10,
    }


class WebhookAction(Enumeration):
    ACTION_UNSPECIFIED: Final = "ACTION_UNSPECIFIED"
    CREATED: Final = "CREATED"
    UPDATED: Final = "UPDATED"
    DELETED: Final = "DELETED"
    SET: Final = "SET"
    EXCEEDED: Final = "EXCEEDED"
    _numbers = {
        "ACTION_UNSPECIFIED": 0,
        "CREATED": 1,
        "UPDATED": 2,
        "DELETED": 3,
        "SET": 4,
        "EXCEEDED": 5,
    }


class WebhookStatus(Enumeration):
    ACTIVE: Final = "ACTIVE"
    DISABLED: Final = "DISABLED"
    _numbers = {
        "ACTIVE": 1,
        "DISABLED": 2,
    }


class GetExperimentByName(Message):
    """GET /2.0/mlflow/experiments/get-by-name"""

    _fields = {
        "experiment_name": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "experiment": "Experiment",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            experiment: Experiment | None = None,
        ) -> None:
            self.experiment = experiment

    def __init__(
        self,
        *,
        experiment_name: str,
    ) -> None:
        self.experiment_name = experiment_name


class Experiment(Message):
    _fields = {
        "experiment_id": "string",
        "name": "string",
        "artifact_location": "string",
        "lifecycle_stage": "string",
        "last_update_time": "int64",
        "creation_time": "int64",
        "tags": "ExperimentTag[]",
        "effective_trace_archival_retention": "string",
        "workspace": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        experiment_id: str | None = None,
        name: str | None = None,
        artifact_location: str | None = None,
        lifecycle_stage: str | None = None,
        last_update_time: int | None = None,
        creation_time: int | None = None,
        tags: list[ExperimentTag] | None = None,
        effective_trace_archival_retention: str | None = None,
        workspace: str | None = None,
    ) -> None:
        self.experiment_id = experiment_id
        self.name = name
        self.artifact_location = artifact_location
        self.lifecycle_stage = lifecycle_stage
        self.last_update_time = last_update_time
        self.creation_time = creation_time
        self.tags = [] if tags is None else tags
        self.effective_trace_archival_retention = effective_trace_archival_retention
        self.workspace = workspace


class ExperimentTag(Message):
    _fields = {
        "key": "string",
        "value": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        key: str,
        value: str = "",
    ) -> None:
        self.key = key
        self.value = value


class CreateExperiment(Message):
    """POST /2.0/mlflow/experiments/create"""

    _fields = {
        "name": "string",
        "artifact_location": "string",
        "tags": "ExperimentTag[]",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "experiment_id": "string",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            experiment_id: str | None = None,
        ) -> None:
            self.experiment_id = experiment_id

    def __init__(
        self,
        *,
        name: str,
        artifact_location: str | None = None,
        tags: list[ExperimentTag] | None = None,
    ) -> None:
        self.name = name
        self.artifact_location = artifact_location
        self.tags = [] if tags is None else tags


class SearchExperiments(Message):
    """POST /2.0/mlflow/experiments/search
    GET /2.0/mlflow/experiments/search
    """

    _fields = {
        "max_results": "int64",
        "page_token": "string",
        "filter": "string",
        "order_by": "string[]",
        "view_type": "ViewType",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "experiments": "Experiment[]",
            "next_page_token": "string",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            experiments: list[Experiment] | None = None,
            next_page_token: str | None = None,
        ) -> None:
            self.experiments = [] if experiments is None else experiments
            self.next_page_token = next_page_token

    def __init__(
        self,
        *,
        max_results: int = 1000,
        page_token: str | None = None,
        filter: str | None = None,
        order_by: list[str] | None = None,
        view_type: str = "ACTIVE_ONLY",
    ) -> None:
        self.max_results = max_results
        self.page_token = page_token
        self.filter = filter
        self.order_by = [] if order_by is None else order_by
        self.view_type = view_type


class GetExperiment(Message):
    """GET /2.0/mlflow/experiments/get"""

    _fields = {
        "experiment_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "experiment": "Experiment",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            experiment: Experiment | None = None,
        ) -> None:
            self.experiment = experiment

    def __init__(
        self,
        *,
        experiment_id: str,
    ) -> None:
        self.experiment_id = experiment_id


class DeleteExperiment(Message):
    """POST /2.0/mlflow/experiments/delete"""

    _fields = {
        "experiment_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        experiment_id: str,
    ) -> None:
        self.experiment_id = experiment_id


class RestoreExperiment(Message):
    """POST /2.0/mlflow/experiments/restore"""

    _fields = {
        "experiment_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        experiment_id: str,
    ) -> None:
        self.experiment_id = experiment_id


class UpdateExperiment(Message):
    """POST /2.0/mlflow/experiments/update"""

    _fields = {
        "experiment_id": "string",
        "new_name": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        experiment_id: str,
        new_name: str,
    ) -> None:
        self.experiment_id = experiment_id
        self.new_name = new_name


class CreateRun(Message):
    """POST /2.0/mlflow/runs/create"""

    _fields = {
        "experiment_id": "string",
        "user_id": "string",
        "run_name": "string",
        "start_time": "int64",
        "tags": "RunTag[]",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "run": "Run",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            run: Run | None = None,
        ) -> None:
            self.run = run

    def __init__(
        self,
        *,
        experiment_id: str,
        user_id: str | None = None,
        run_name: str | None = None,
        start_time: int | None = None,
        tags: list[RunTag] | None = None,
    ) -> None:
        self.experiment_id = experiment_id
        self.user_id = user_id
        self.run_name = run_name
        self.start_time = start_time
        self.tags = [] if tags is None else tags


class Run(Message):
    _fields = {
        "info": "RunInfo",
        "data": "RunData",
        "inputs": "RunInputs",
        "outputs": "RunOutputs",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        info: RunInfo | None = None,
        data: RunData | None = None,
        inputs: RunInputs | None = None,
        outputs: RunOutputs | None = None,
    ) -> None:
        self.info = info
        self.data = data
        self.inputs = inputs
        self.outputs = outputs


class RunInfo(Message):
    _fields = {
        "run_id": "string",
        "run_uuid": "string",
        "run_name": "string",
        "experiment_id": "string",
        "user_id": "string",
        "status": "RunStatus",
        "start_time": "int64",
        "end_time": "int64",
        "artifact_uri": "string",
        "lifecycle_stage": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        run_id: str | None = None,
        run_uuid: str | None = None,
        run_name: str | None = None,
        experiment_id: str | None = None,
        user_id: str | None = None,
        status: str | None = None,
        start_time: int | None = None,
        end_time: int | None = None,
        artifact_uri: str | None = None,
        lifecycle_stage: str | None = None,
    ) -> None:
        self.run_id = run_id
        self.run_uuid = run_uuid
        self.run_name = run_name
        self.experiment_id = experiment_id
        self.user_id = user_id
        self.status = status
        self.start_time = start_time
        self.end_time = end_time
        self.artifact_uri = artifact_uri
        self.lifecycle_stage = lifecycle_stage


class RunData(Message):
    _fields = {
        "metrics": "Metric[]",
        "params": "Param[]",
        "tags": "RunTag[]",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        metrics: list[Metric] | None = None,
        params: list[Param] | None = None,
        tags: list[RunTag] | None = None,
    ) -> None:
        self.metrics = [] if metrics is None else metrics
        self.params = [] if params is None else params
        self.tags = [] if tags is None else tags


class Metric(Message):
    _fields = {
        "key": "string",
        "value": "double",
        "timestamp": "int64",
        "step": "int64",
        "dataset_name": "string",
        "dataset_digest": "string",
        "model_id": "string",
        "run_id": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        key: str,
        value: float,
        timestamp: int,
        step: int = 0,
        dataset_name: str | None = None,
        dataset_digest: str | None = None,
        model_id: str | None = None,
        run_id: str | None = None,
    ) -> None:
        self.key = key
        self.value = value
        self.timestamp = timestamp
        self.step = step
        self.dataset_name = dataset_name
        self.dataset_digest = dataset_digest
        self.model_id = model_id
        self.run_id = run_id


class Param(Message):
    _fields = {
        "key": "string",
        "value": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        key: str,
        value: str = "",
    ) -> None:
        self.key = key
        self.value = value


class RunTag(Message):
    _fields = {
        "key": "string",
        "value": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        key: str,
        value: str = "",
    ) -> None:
        self.key = key
        self.value = value


class RunInputs(Message):
    _fields = {
        "dataset_inputs": "DatasetInput[]",
        "model_inputs": "ModelInput[]",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        dataset_inputs: list[DatasetInput] | None = None,
        model_inputs: list[ModelInput] | None = None,
    ) -> None:
        self.dataset_inputs = [] if dataset_inputs is None else dataset_inputs
        self.model_inputs = [] if model_inputs is None else model_inputs


class DatasetInput(Message):
    _fields = {
        "tags": "InputTag[]",
        "dataset": "Dataset",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        tags: list[InputTag] | None = None,
        dataset: Dataset | None = None,
    ) -> None:
        self.tags = [] if tags is None else tags
        self.dataset = dataset


class InputTag(Message):
    _fields = {
        "key": "string",
        "value": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        key: str,
        value: str = "",
    ) -> None:
        self.key = key
        self.value = value


class Dataset(Message):
    _fields = {
        "name": "string",
        "digest": "string",
        "source_type": "string",
        "source": "string",
        "schema": "string",
        "profile": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        name: str = "",
        digest: str = "",
        source_type: str = "",
        source: str = "",
        schema: str | None = None,
        profile: str | None = None,
    ) -> None:
        self.name = name
        self.digest = digest
        self.source_type = source_type
        self.source = source
        self.schema = schema
        self.profile = profile


class ModelInput(Message):
    _fields = {
        "model_id": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        model_id: str | None = None,
    ) -> None:
        self.model_id = model_id


class RunOutputs(Message):
    _fields = {
        "model_outputs": "ModelOutput[]",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        model_outputs: list[ModelOutput] | None = None,
    ) -> None:
        self.model_outputs = [] if model_outputs is None else model_outputs


class ModelOutput(Message):
    _fields = {
        "model_id": "string",
        "step": "int64",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        model_id: str | None = None,
        step: int | None = None,
    ) -> None:
        self.model_id = model_id
        self.step = step


class UpdateRun(Message):
    """POST /2.0/mlflow/runs/update"""

    _fields = {
        "run_id": "string",
        "run_uuid": "string",
        "status": "RunStatus",
        "end_time": "int64",
        "run_name": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "run_info": "RunInfo",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            run_info: RunInfo | None = None,
        ) -> None:
            self.run_info = run_info

    def __init__(
        self,
        *,
        run_id: str,
        run_uuid: str | None = None,
        status: str | None = None,
        end_time: int | None = None,
        run_name: str | None = None,
    ) -> None:
        self.run_id = run_id
        self.run_uuid = run_uuid
        self.status = status
        self.end_time = end_time
        self.run_name = run_name


class DeleteRun(Message):
    """POST /2.0/mlflow/runs/delete"""

    _fields = {
        "run_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        run_id: str,
    ) -> None:
        self.run_id = run_id


class RestoreRun(Message):
    """POST /2.0/mlflow/runs/restore"""

    _fields = {
        "run_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        run_id: str,
    ) -> None:
        self.run_id = run_id


class LogMetric(Message):
    """POST /2.0/mlflow/runs/log-metric"""

    _fields = {
        "run_id": "string",
        "run_uuid": "string",
        "key": "string",
        "value": "double",
        "timestamp": "int64",
        "step": "int64",
        "model_id": "string",
        "dataset_name": "string",
        "dataset_digest": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        run_id: str,
        run_uuid: str | None = None,
        key: str,
        value: float,
        timestamp: int,
        step: int = 0,
        model_id: str | None = None,
        dataset_name: str | None = None,
        dataset_digest: str | None = None,
    ) -> None:
        self.run_id = run_id
        self.run_uuid = run_uuid
        self.key = key
        self.value = value
        self.timestamp = timestamp
        self.step = step
        self.model_id = model_id
        self.dataset_name = dataset_name
        self.dataset_digest = dataset_digest


class LogParam(Message):
    """POST /2.0/mlflow/runs/log-parameter"""

    _fields = {
        "run_id": "string",
        "run_uuid": "string",
        "key": "string",
        "value": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        run_id: str,
        run_uuid: str | None = None,
        key: str,
        value: str = "",
    ) -> None:
        self.run_id = run_id
        self.run_uuid = run_uuid
        self.key = key
        self.value = value


class SetExperimentTag(Message):
    """POST /2.0/mlflow/experiments/set-experiment-tag"""

    _fields = {
        "experiment_id": "string",
        "key": "string",
        "value": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        experiment_id: str,
        key: str,
        value: str = "",
    ) -> None:
        self.experiment_id = experiment_id
        self.key = key
        self.value = value


class DeleteExperimentTag(Message):
    """POST /2.0/mlflow/experiments/delete-experiment-tag"""

    _fields = {
        "experiment_id": "string",
        "key": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        experiment_id: str,
        key: str,
    ) -> None:
        self.experiment_id = experiment_id
        self.key = key


class SetTag(Message):
    """POST /2.0/mlflow/runs/set-tag"""

    _fields = {
        "run_id": "string",
        "run_uuid": "string",
        "key": "string",
        "value": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        run_id: str,
        run_uuid: str | None = None,
        key: str,
        value: str = "",
    ) -> None:
        self.run_id = run_id
        self.run_uuid = run_uuid
        self.key = key
        self.value = value


class DeleteTag(Message):
    """POST /2.0/mlflow/runs/delete-tag"""

    _fields = {
        "run_id": "string",
        "key": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        run_id: str,
        key: str,
    ) -> None:
        self.run_id = run_id
        self.key = key


class GetRun(Message):
    """GET /2.0/mlflow/runs/get"""

    _fields = {
        "run_id": "string",
        "run_uuid": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "run": "Run",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            run: Run | None = None,
        ) -> None:
            self.run = run

    def __init__(
        self,
        *,
        run_id: str,
        run_uuid: str | None = None,
    ) -> None:
        self.run_id = run_id
        self.run_uuid = run_uuid


class SearchRuns(Message):
    """POST /2.0/mlflow/runs/search"""

    _fields = {
        "experiment_ids": "string[]",
        "filter": "string",
        "run_view_type": "ViewType",
        "max_results": "int32",
        "order_by": "string[]",
        "page_token": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "runs": "Run[]",
            "next_page_token": "string",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            runs: list[Run] | None = None,
            next_page_token: str | None = None,
        ) -> None:
            self.runs = [] if runs is None else runs
            self.next_page_token = next_page_token

    def __init__(
        self,
        *,
        experiment_ids: list[str] | None = None,
        filter: str | None = None,
        run_view_type: str = "ACTIVE_ONLY",
        max_results: int = 1000,
        order_by: list[str] | None = None,
        page_token: str | None = None,
    ) -> None:
        self.experiment_ids = [] if experiment_ids is None else experiment_ids
        self.filter = filter
        self.run_view_type = run_view_type
        self.max_results = max_results
        self.order_by = [] if order_by is None else order_by
        self.page_token = page_token


class ListArtifacts(Message):
    """GET /2.0/mlflow/artifacts/list"""

    _fields = {
        "run_id": "string",
        "run_uuid": "string",
        "path": "string",
        "page_token": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "root_uri": "string",
            "files": "FileInfo[]",
            "next_page_token": "string",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            root_uri: str | None = None,
            files: list[FileInfo] | None = None,
            next_page_token: str | None = None,
        ) -> None:
            self.root_uri = root_uri
            self.files = [] if files is None else files
            self.next_page_token = next_page_token

    def __init__(
        self,
        *,
        run_id: str,
        run_uuid: str | None = None,
        path: str | None = None,
        page_token: str | None = None,
    ) -> None:
        self.run_id = run_id
        self.run_uuid = run_uuid
        self.path = path
        self.page_token = page_token


class FileInfo(Message):
    _fields = {
        "path": "string",
        "is_dir": "bool",
        "file_size": "int64",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        path: str | None = None,
        is_dir: bool | None = None,
        file_size: int | None = None,
    ) -> None:
        self.path = path
        self.is_dir = is_dir
        self.file_size = file_size


class CreatePresignedUploadUrl(Message):
    """POST /2.0/mlflow/artifacts/presigned-upload-url"""

    _fields = {
        "run_id": "string",
        "path": "string",
        "expiration": "int64",
        "model_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "presigned_url": "string",
            "headers": "map<string,string>",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            presigned_url: str | None = None,
            headers: dict[str, str] | None = None,
        ) -> None:
            self.presigned_url = presigned_url
            self.headers = {} if headers is None else headers

    def __init__(
        self,
        *,
        run_id: str | None = None,
        path: str,
        expiration: int | None = None,
        model_id: str | None = None,
    ) -> None:
        self.run_id = run_id
        self.path = path
        self.expiration = expiration
        self.model_id = model_id


class CreatePresignedDownloadUrl(Message):
    """POST /2.0/mlflow/artifacts/presigned-download-url"""

    _fields = {
        "run_id": "string",
        "path": "string",
        "expiration": "int64",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "presigned_url": "string",
            "headers": "map<string,string>",
            "file_size": "int64",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            presigned_url: str | None = None,
            headers: dict[str, str] | None = None,
            file_size: int | None = None,
        ) -> None:
            self.presigned_url = presigned_url
            self.headers = {} if headers is None else headers
            self.file_size = file_size

    def __init__(
        self,
        *,
        run_id: str,
        path: str,
        expiration: int | None = None,
    ) -> None:
        self.run_id = run_id
        self.path = path
        self.expiration = expiration


class GetMetricHistory(Message):
    """GET /2.0/mlflow/metrics/get-history"""

    _fields = {
        "run_id": "string",
        "run_uuid": "string",
        "metric_key": "string",
        "page_token": "string",
        "max_results": "int32",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "metrics": "Metric[]",
            "next_page_token": "string",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            metrics: list[Metric] | None = None,
            next_page_token: str | None = None,
        ) -> None:
            self.metrics = [] if metrics is None else metrics
            self.next_page_token = next_page_token

    def __init__(
        self,
        *,
        run_id: str,
        run_uuid: str | None = None,
        metric_key: str,
        page_token: str | None = None,
        max_results: int | None = None,
    ) -> None:
        self.run_id = run_id
        self.run_uuid = run_uuid
        self.metric_key = metric_key
        self.page_token = page_token
        self.max_results = max_results


class GetMetricHistoryBulkInterval(Message):
    """GET /2.0/mlflow/metrics/get-history-bulk-interval"""

    _fields = {
        "run_ids": "string[]",
        "metric_key": "string",
        "start_step": "int32",
        "end_step": "int32",
        "max_results": "int32",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "metrics": "MetricWithRunId[]",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            metrics: list[MetricWithRunId] | None = None,
        ) -> None:
            self.metrics = [] if metrics is None else metrics

    def __init__(
        self,
        *,
        run_ids: list[str],
        metric_key: str,
        start_step: int | None = None,
        end_step: int | None = None,
        max_results: int | None = None,
    ) -> None:
        self.run_ids = run_ids
        self.metric_key = metric_key
        self.start_step = start_step
        self.end_step = end_step
        self.max_results = max_results


class MetricWithRunId(Message):
    _fields = {
        "key": "string",
        "value": "double",
        "timestamp": "int64",
        "step": "int64",
        "run_id": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        key: str | None = None,
        value: float | None = None,
        timestamp: int | None = None,
        step: int = 0,
        run_id: str | None = None,
    ) -> None:
        self.key = key
        self.value = value
        self.timestamp = timestamp
        self.step = step
        self.run_id = run_id


class LogBatch(Message):
    """POST /2.0/mlflow/runs/log-batch"""

    _fields = {
        "run_id": "string",
        "metrics": "Metric[]",
        "params": "Param[]",
        "tags": "RunTag[]",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        run_id: str,
        metrics: list[Metric] | None = None,
        params: list[Param] | None = None,
        tags: list[RunTag] | None = None,
    ) -> None:
        self.run_id = run_id
        self.metrics = [] if metrics is None else metrics
        self.params = [] if params is None else params
        self.tags = [] if tags is None else tags


class LogModel(Message):
    """POST /2.0/mlflow/runs/log-model"""

    _fields = {
        "run_id": "string",
        "model_json": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        run_id: str,
        model_json: str,
    ) -> None:
        self.run_id = run_id
        self.model_json = model_json


class LogInputs(Message):
    """POST /2.0/mlflow/runs/log-inputs"""

    _fields = {
        "run_id": "string",
        "datasets": "DatasetInput[]",
        "models": "ModelInput[]",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        run_id: str,
        datasets: list[DatasetInput] | None = None,
        models: list[ModelInput] | None = None,
    ) -> None:
        self.run_id = run_id
        self.datasets = [] if datasets is None else datasets
        self.models = [] if models is None else models


class LogOutputs(Message):
    """POST /2.0/mlflow/runs/outputs"""

    _fields = {
        "run_id": "string",
        "models": "ModelOutput[]",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        run_id: str,
        models: list[ModelOutput],
    ) -> None:
        self.run_id = run_id
        self.models = models


class SearchDatasets(Message):
    """POST /2.0/mlflow/experiments/search-datasets"""

    _fields = {
        "experiment_ids": "string[]",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "dataset_summaries": "DatasetSummary[]",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            dataset_summaries: list[DatasetSummary] | None = None,
        ) -> None:
            self.dataset_summaries = [] if dataset_summaries is None else dataset_summaries

    def __init__(
        self,
        *,
        experiment_ids: list[str] | None = None,
    ) -> None:
        self.experiment_ids = [] if experiment_ids is None else experiment_ids


class DatasetSummary(Message):
    _fields = {
        "experiment_id": "string",
        "name": "string",
        "digest": "string",
        "context": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        experiment_id: str | None = None,
        name: str | None = None,
        digest: str | None = None,
        context: str | None = None,
    ) -> None:
        self.experiment_id = experiment_id
        self.name = name
        self.digest = digest
        self.context = context


class ListWorkspaces(Message):
    """GET /3.0/mlflow/workspaces"""

    __slots__ = ()

    class Response(Message):
        _fields = {
            "workspaces": "Workspace[]",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            workspaces: list[Workspace] | None = None,
        ) -> None:
            self.workspaces = [] if workspaces is None else workspaces


class Workspace(Message):
    _fields = {
        "name": "string",
        "description": "string",
        "default_artifact_root": "string",
        "trace_archival_config": "TraceArchivalConfig",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        name: str | None = None,
        description: str | None = None,
        default_artifact_root: str | None = None,
        trace_archival_config: TraceArchivalConfig | None = None,
    ) -> None:
        self.name = name
        self.description = description
        self.default_artifact_root = default_artifact_root
        self.trace_archival_config = trace_archival_config


class TraceArchivalConfig(Message):
    _fields = {
        "location": "string",
        "retention": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        location: str | None = None,
        retention: str | None = None,
    ) -> None:
        self.location = location
        self.retention = retention


class CreateWorkspace(Message):
    """POST /3.0/mlflow/workspaces"""

    _fields = {
        "name": "string",
        "description": "string",
        "default_artifact_root": "string",
        "trace_archival_config": "TraceArchivalConfig",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "workspace": "Workspace",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            workspace: Workspace | None = None,
        ) -> None:
            self.workspace = workspace

    def __init__(
        self,
        *,
        name: str,
        description: str | None = None,
        default_artifact_root: str | None = None,
        trace_archival_config: TraceArchivalConfig | None = None,
    ) -> None:
        self.name = name
        self.description = description
        self.default_artifact_root = default_artifact_root
        self.trace_archival_config = trace_archival_config


class GetWorkspace(Message):
    """GET /3.0/mlflow/workspaces/<workspace_name>"""

    _fields = {
        "workspace_name": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "workspace": "Workspace",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            workspace: Workspace | None = None,
        ) -> None:
            self.workspace = workspace

    def __init__(
        self,
        *,
        workspace_name: str,
    ) -> None:
        self.workspace_name = workspace_name


class UpdateWorkspace(Message):
    """PATCH /3.0/mlflow/workspaces/<workspace_name>"""

    _fields = {
        "workspace_name": "string",
        "description": "string",
        "default_artifact_root": "string",
        "trace_archival_config": "TraceArchivalConfig",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "workspace": "Workspace",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            workspace: Workspace | None = None,
        ) -> None:
            self.workspace = workspace

    def __init__(
        self,
        *,
        workspace_name: str,
        description: str | None = None,
        default_artifact_root: str | None = None,
        trace_archival_config: TraceArchivalConfig | None = None,
    ) -> None:
        self.workspace_name = workspace_name
        self.description = description
        self.default_artifact_root = default_artifact_root
        self.trace_archival_config = trace_archival_config


class DeleteWorkspace(Message):
    """DELETE /3.0/mlflow/workspaces/<workspace_name>"""

    _fields = {
        "workspace_name": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        workspace_name: str,
    ) -> None:
        self.workspace_name = workspace_name


class CreateLoggedModel(Message):
    """POST /2.0/mlflow/logged-models"""

    _fields = {
        "experiment_id": "string",
        "name": "string",
        "model_type": "string",
        "source_run_id": "string",
        "params": "LoggedModelParameter[]",
        "tags": "LoggedModelTag[]",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "model": "LoggedModel",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            model: LoggedModel | None = None,
        ) -> None:
            self.model = model

    def __init__(
        self,
        *,
        experiment_id: str,
        name: str | None = None,
        model_type: str | None = None,
        source_run_id: str | None = None,
        params: list[LoggedModelParameter] | None = None,
        tags: list[LoggedModelTag] | None = None,
    ) -> None:
        self.experiment_id = experiment_id
        self.name = name
        self.model_type = model_type
        self.source_run_id = source_run_id
        self.params = [] if params is None else params
        self.tags = [] if tags is None else tags


class LoggedModel(Message):
    _fields = {
        "info": "LoggedModelInfo",
        "data": "LoggedModelData",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        info: LoggedModelInfo | None = None,
        data: LoggedModelData | None = None,
    ) -> None:
        self.info = info
        self.data = data


class LoggedModelInfo(Message):
    _fields = {
        "model_id": "string",
        "experiment_id": "string",
        "name": "string",
        "creation_timestamp_ms": "int64",
        "last_updated_timestamp_ms": "int64",
        "artifact_uri": "string",
        "status": "LoggedModelStatus",
        "creator_id": "int64",
        "model_type": "string",
        "source_run_id": "string",
        "status_message": "string",
        "tags": "LoggedModelTag[]",
        "registrations": "LoggedModelRegistrationInfo[]",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        model_id: str | None = None,
        experiment_id: str | None = None,
        name: str | None = None,
        creation_timestamp_ms: int | None = None,
        last_updated_timestamp_ms: int | None = None,
        artifact_uri: str | None = None,
        status: str | None = None,
        creator_id: int | None = None,
        model_type: str | None = None,
        source_run_id: str | None = None,
        status_message: str | None = None,
        tags: list[LoggedModelTag] | None = None,
        registrations: list[LoggedModelRegistrationInfo] | None = None,
    ) -> None:
        self.model_id = model_id
        self.experiment_id = experiment_id
        self.name = name
        self.creation_timestamp_ms = creation_timestamp_ms
        self.last_updated_timestamp_ms = last_updated_timestamp_ms
        self.artifact_uri = artifact_uri
        self.status = status
        self.creator_id = creator_id
        self.model_type = model_type
        self.source_run_id = source_run_id
        self.status_message = status_message
        self.tags = [] if tags is None else tags
        self.registrations = [] if registrations is None else registrations


class LoggedModelTag(Message):
    _fields = {
        "key": "string",
        "value": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        key: str,
        value: str = "",
    ) -> None:
        self.key = key
        self.value = value


class LoggedModelRegistrationInfo(Message):
    _fields = {
        "name": "string",
        "version": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        name: str | None = None,
        version: str | None = None,
    ) -> None:
        self.name = name
        self.version = version


class LoggedModelData(Message):
    _fields = {
        "params": "LoggedModelParameter[]",
        "metrics": "Metric[]",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        params: list[LoggedModelParameter] | None = None,
        metrics: list[Metric] | None = None,
    ) -> None:
        self.params = [] if params is None else params
        self.metrics = [] if metrics is None else metrics


class LoggedModelParameter(Message):
    _fields = {
        "key": "string",
        "value": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        key: str,
        value: str = "",
    ) -> None:
        self.key = key
        self.value = value


class FinalizeLoggedModel(Message):
    """PATCH /2.0/mlflow/logged-models/<model_id>"""

    _fields = {
        "model_id": "string",
        "status": "LoggedModelStatus",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "model": "LoggedModel",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            model: LoggedModel | None = None,
        ) -> None:
            self.model = model

    def __init__(
        self,
        *,
        model_id: str,
        status: str,
    ) -> None:
        self.model_id = model_id
        self.status = status


class GetLoggedModel(Message):
    """GET /2.0/mlflow/logged-models/<model_id>"""

    _fields = {
        "model_id": "string",
        "allow_deleted": "bool",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "model": "LoggedModel",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            model: LoggedModel | None = None,
        ) -> None:
            self.model = model

    def __init__(
        self,
        *,
        model_id: str,
        allow_deleted: bool | None = None,
    ) -> None:
        self.model_id = model_id
        self.allow_deleted = allow_deleted


class DeleteLoggedModel(Message):
    """DELETE /2.0/mlflow/logged-models/<model_id>"""

    _fields = {
        "model_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        model_id: str,
    ) -> None:
        self.model_id = model_id


class SearchLoggedModels(Message):
    """POST /2.0/mlflow/logged-models/search"""

    _fields = {
        "experiment_ids": "string[]",
        "filter": "string",
        "datasets": "SearchLoggedModels.Dataset[]",
        "max_results": "int32",
        "order_by": "SearchLoggedModels.OrderBy[]",
        "page_token": "string",
    }
    __slots__ = tuple(_fields)

    class Dataset(Message):
        _fields = {
            "dataset_name": "string",
            "dataset_digest": "string",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            dataset_name: str | None = None,
            dataset_digest: str | None = None,
        ) -> None:
            self.dataset_name = dataset_name
            self.dataset_digest = dataset_digest

    class OrderBy(Message):
        _fields = {
            "field_name": "string",
            "ascending": "bool",
            "dataset_name": "string",
            "dataset_digest": "string",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            field_name: str | None = None,
            ascending: bool = True,
            dataset_name: str | None = None,
            dataset_digest: str | None = None,
        ) -> None:
            self.field_name = field_name
            self.ascending = ascending
            self.dataset_name = dataset_name
            self.dataset_digest = dataset_digest

    class Response(Message):
        _fields = {
            "models": "LoggedModel[]",
            "next_page_token": "string",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            models: list[LoggedModel] | None = None,
            next_page_token: str | None = None,
        ) -> None:
            self.models = [] if models is None else models
            self.next_page_token = next_page_token

    def __init__(
        self,
        *,
        experiment_ids: list[str],
        filter: str | None = None,
        datasets: list[SearchLoggedModels.Dataset] | None = None,
        max_results: int = 50,
        order_by: list[SearchLoggedModels.OrderBy] | None = None,
        page_token: str | None = None,
    ) -> None:
        self.experiment_ids = experiment_ids
        self.filter = filter
        self.datasets = [] if datasets is None else datasets
        self.max_results = max_results
        self.order_by = [] if order_by is None else order_by
        self.page_token = page_token


class SetLoggedModelTags(Message):
    """PATCH /2.0/mlflow/logged-models/<model_id>/tags"""

    _fields = {
        "model_id": "string",
        "tags": "LoggedModelTag[]",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "model": "LoggedModel",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            model: LoggedModel | None = None,
        ) -> None:
            self.model = model

    def __init__(
        self,
        *,
        model_id: str,
        tags: list[LoggedModelTag] | None = None,
    ) -> None:
        self.model_id = model_id
        self.tags = [] if tags is None else tags


class DeleteLoggedModelTag(Message):
    """DELETE /2.0/mlflow/logged-models/<model_id>/tags/<tag_key>"""

    _fields = {
        "model_id": "string",
        "tag_key": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        model_id: str,
        tag_key: str,
    ) -> None:
        self.model_id = model_id
        self.tag_key = tag_key


class ListLoggedModelArtifacts(Message):
    """GET /2.0/mlflow/logged-models/<model_id>/artifacts/directories"""

    _fields = {
        "model_id": "string",
        "artifact_directory_path": "string",
        "page_token": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "root_uri": "string",
            "files": "FileInfo[]",
            "next_page_token": "string",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            root_uri: str | None = None,
            files: list[FileInfo] | None = None,
            next_page_token: str | None = None,
        ) -> None:
            self.root_uri = root_uri
            self.files = [] if files is None else files
            self.next_page_token = next_page_token

    def __init__(
        self,
        *,
        model_id: str,
        artifact_directory_path: str | None = None,
        page_token: str | None = None,
    ) -> None:
        self.model_id = model_id
        self.artifact_directory_path = artifact_directory_path
        self.page_token = page_token


class LogLoggedModelParamsRequest(Message):
    """POST /2.0/mlflow/logged-models/<model_id>/params"""

    _fields = {
        "model_id": "string",
        "params": "LoggedModelParameter[]",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        model_id: str,
        params: list[LoggedModelParameter] | None = None,
    ) -> None:
        self.model_id = model_id
        self.params = [] if params is None else params


class CreateRegisteredModel(Message):
    """POST /2.0/mlflow/registered-models/create"""

    _fields = {
        "name": "string",
        "tags": "RegisteredModelTag[]",
        "description": "string",
        "deployment_job_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "registered_model": "RegisteredModel",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            registered_model: RegisteredModel | None = None,
        ) -> None:
            self.registered_model = registered_model

    def __init__(
        self,
        *,
        name: str,
        tags: list[RegisteredModelTag] | None = None,
        description: str | None = None,
        deployment_job_id: str | None = None,
    ) -> None:
        self.name = name
        self.tags = [] if tags is None else tags
        self.description = description
        self.deployment_job_id = deployment_job_id


class RegisteredModel(Message):
    _fields = {
        "name": "string",
        "creation_timestamp": "int64",
        "last_updated_timestamp": "int64",
        "user_id": "string",
        "description": "string",
        "latest_versions": "ModelVersion[]",
        "tags": "RegisteredModelTag[]",
        "aliases": "RegisteredModelAlias[]",
        "deployment_job_id": "string",
        "deployment_job_state": "DeploymentJobConnection.State",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        name: str | None = None,
        creation_timestamp: int | None = None,
        last_updated_timestamp: int | None = None,
        user_id: str | None = None,
        description: str | None = None,
        latest_versions: list[ModelVersion] | None = None,
        tags: list[RegisteredModelTag] | None = None,
        aliases: list[RegisteredModelAlias] | None = None,
        deployment_job_id: str | None = None,
        deployment_job_state: str | None = None,
    ) -> None:
        self.name = name
        self.creation_timestamp = creation_timestamp
        self.last_updated_timestamp = last_updated_timestamp
        self.user_id = user_id
        self.description = description
        self.latest_versions = [] if latest_versions is None else latest_versions
        self.tags = [] if tags is None else tags
        self.aliases = [] if aliases is None else aliases
        self.deployment_job_id = deployment_job_id
        self.deployment_job_state = deployment_job_state


class ModelVersion(Message):
    _fields = {
        "name": "string",
        "version": "string",
        "creation_timestamp": "int64",
        "last_updated_timestamp": "int64",
        "user_id": "string",
        "current_stage": "string",
        "description": "string",
        "source": "string",
        "run_id": "string",
        "status": "ModelVersionStatus",
        "status_message": "string",
        "tags": "ModelVersionTag[]",
        "run_link": "string",
        "aliases": "string[]",
        "model_id": "string",
        "model_params": "ModelParam[]",
        "model_metrics": "ModelMetric[]",
        "deployment_job_state": "ModelVersionDeploymentJobState",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        name: str | None = None,
        version: str | None = None,
        creation_timestamp: int | None = None,
        last_updated_timestamp: int | None = None,
        user_id: str | None = None,
        current_stage: str | None = None,
        description: str | None = None,
        source: str | None = None,
        run_id: str | None = None,
        status: str | None = None,
        status_message: str | None = None,
        tags: list[ModelVersionTag] | None = None,
        run_link: str | None = None,
        aliases: list[str] | None = None,
        model_id: str | None = None,
        model_params: list[ModelParam] | None = None,
        model_metrics: list[ModelMetric] | None = None,
        deployment_job_state: ModelVersionDeploymentJobState | None = None,
    ) -> None:
        self.name = name
        self.version = version
        self.creation_timestamp = creation_timestamp
        self.last_updated_timestamp = last_updated_timestamp
        self.user_id = user_id
        self.current_stage = current_stage
        self.description = description
        self.source = source
        self.run_id = run_id
        self.status = status
        self.status_message = status_message
        self.tags = [] if tags is None else tags
        self.run_link = run_link
        self.aliases = [] if aliases is None else aliases
        self.model_id = model_id
        self.model_params = [] if model_params is None else model_params
        self.model_metrics = [] if model_metrics is None else model_metrics
        self.deployment_job_state = deployment_job_state


class ModelVersionTag(Message):
    _fields = {
        "key": "string",
        "value": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        key: str,
        value: str = "",
    ) -> None:
        self.key = key
        self.value = value


class ModelParam(Message):
    _fields = {
        "name": "string",
        "value": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        name: str | None = None,
        value: str | None = None,
    ) -> None:
        self.name = name
        self.value = value


class ModelMetric(Message):
    _fields = {
        "key": "string",
        "value": "double",
        "timestamp": "int64",
        "step": "int64",
        "dataset_name": "string",
        "dataset_digest": "string",
        "model_id": "string",
        "run_id": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        key: str | None = None,
        value: float | None = None,
        timestamp: int | None = None,
        step: int = 0,
        dataset_name: str | None = None,
        dataset_digest: str | None = None,
        model_id: str | None = None,
        run_id: str | None = None,
    ) -> None:
        self.key = key
        self.value = value
        self.timestamp = timestamp
        self.step = step
        self.dataset_name = dataset_name
        self.dataset_digest = dataset_digest
        self.model_id = model_id
        self.run_id = run_id


class ModelVersionDeploymentJobState(Message):
    _fields = {
        "job_id": "string",
        "run_id": "string",
        "job_state": "DeploymentJobConnection.State",
        "run_state": "ModelVersionDeploymentJobState.DeploymentJobRunState",
        "current_task_name": "string",
    }
    __slots__ = tuple(_fields)

    class DeploymentJobRunState(Enumeration):
        DEPLOYMENT_JOB_RUN_STATE_UNSPECIFIED: Final = "DEPLOYMENT_JOB_RUN_STATE_UNSPECIFIED"
        NO_VALID_DEPLOYMENT_JOB_FOUND: Final = "NO_VALID_DEPLOYMENT_JOB_FOUND"
        RUNNING: Final = "RUNNING"
        SUCCEEDED: Final = "SUCCEEDED"
        FAILED: Final = "FAILED"
        PENDING: Final = "PENDING"
        APPROVAL: Final = "APPROVAL"
        _numbers = {
            "DEPLOYMENT_JOB_RUN_STATE_UNSPECIFIED": 0,
            "NO_VALID_DEPLOYMENT_JOB_FOUND": 1,
            "RUNNING": 2,
            "SUCCEEDED": 3,
            "FAILED": 4,
            "PENDING": 5,
            "APPROVAL": 6,
        }

    def __init__(
        self,
        *,
        job_id: str | None = None,
        run_id: str | None = None,
        job_state: str | None = None,
        run_state: str | None = None,
        current_task_name: str | None = None,
    ) -> None:
        self.job_id = job_id
        self.run_id = run_id
        self.job_state = job_state
        self.run_state = run_state
        self.current_task_name = current_task_name


class DeploymentJobConnection(Message):
    __slots__ = ()

    class State(Enumeration):
        DEPLOYMENT_JOB_CONNECTION_STATE_UNSPECIFIED: Final = "DEPLOYMENT_JOB_CONNECTION_STATE_UNSPECIFIED"
        NOT_SET_UP: Final = "NOT_SET_UP"
        CONNECTED: Final = "CONNECTED"
        NOT_FOUND: Final = "NOT_FOUND"
        REQUIRED_PARAMETERS_CHANGED: Final = "REQUIRED_PARAMETERS_CHANGED"
        _numbers = {
            "DEPLOYMENT_JOB_CONNECTION_STATE_UNSPECIFIED": 0,
            "NOT_SET_UP": 1,
            "CONNECTED": 2,
            "NOT_FOUND": 3,
            "REQUIRED_PARAMETERS_CHANGED": 4,
        }


class RegisteredModelTag(Message):
    _fields = {
        "key": "string",
        "value": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        key: str,
        value: str = "",
    ) -> None:
        self.key = key
        self.value = value


class RegisteredModelAlias(Message):
    _fields = {
        "alias": "string",
        "version": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        alias: str | None = None,
        version: str | None = None,
    ) -> None:
        self.alias = alias
        self.version = version


class RenameRegisteredModel(Message):
    """POST /2.0/mlflow/registered-models/rename"""

    _fields = {
        "name": "string",
        "new_name": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "registered_model": "RegisteredModel",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            registered_model: RegisteredModel | None = None,
        ) -> None:
            self.registered_model = registered_model

    def __init__(
        self,
        *,
        name: str,
        new_name: str,
    ) -> None:
        self.name = name
        self.new_name = new_name


class UpdateRegisteredModel(Message):
    """PATCH /2.0/mlflow/registered-models/update"""

    _fields = {
        "name": "string",
        "description": "string",
        "deployment_job_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "registered_model": "RegisteredModel",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            registered_model: RegisteredModel | None = None,
        ) -> None:
            self.registered_model = registered_model

    def __init__(
        self,
        *,
        name: str,
        description: str | None = None,
        deployment_job_id: str | None = None,
    ) -> None:
        self.name = name
        self.description = description
        self.deployment_job_id = deployment_job_id


class DeleteRegisteredModel(Message):
    """DELETE /2.0/mlflow/registered-models/delete"""

    _fields = {
        "name": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        name: str,
    ) -> None:
        self.name = name


class GetRegisteredModel(Message):
    """GET /2.0/mlflow/registered-models/get"""

    _fields = {
        "name": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "registered_model": "RegisteredModel",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            registered_model: RegisteredModel | None = None,
        ) -> None:
            self.registered_model = registered_model

    def __init__(
        self,
        *,
        name: str,
    ) -> None:
        self.name = name


class SearchRegisteredModels(Message):
    """GET /2.0/mlflow/registered-models/search"""

    _fields = {
        "filter": "string",
        "max_results": "int64",
        "order_by": "string[]",
        "page_token": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "registered_models": "RegisteredModel[]",
            "next_page_token": "string",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            registered_models: list[RegisteredModel] | None = None,
            next_page_token: str | None = None,
        ) -> None:
            self.registered_models = [] if registered_models is None else registered_models
            self.next_page_token = next_page_token

    def __init__(
        self,
        *,
        filter: str | None = None,
        max_results: int = 100,
        order_by: list[str] | None = None,
        page_token: str | None = None,
    ) -> None:
        self.filter = filter
        self.max_results = max_results
        self.order_by = [] if order_by is None else order_by
        self.page_token = page_token


class GetLatestVersions(Message):
    """POST /2.0/mlflow/registered-models/get-latest-versions
    GET /2.0/mlflow/registered-models/get-latest-versions
    """

    _fields = {
        "name": "string",
        "stages": "string[]",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "model_versions": "ModelVersion[]",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            model_versions: list[ModelVersion] | None = None,
        ) -> None:
            self.model_versions = [] if model_versions is None else model_versions

    def __init__(
        self,
        *,
        name: str,
        stages: list[str] | None = None,
    ) -> None:
        self.name = name
        self.stages = [] if stages is None else stages


class CreateModelVersion(Message):
    """POST /2.0/mlflow/model-versions/create"""

    _fields = {
        "name": "string",
        "source": "string",
        "run_id": "string",
        "tags": "ModelVersionTag[]",
        "run_link": "string",
        "description": "string",
        "model_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "model_version": "ModelVersion",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            model_version: ModelVersion | None = None,
        ) -> None:
            self.model_version = model_version

    def __init__(
        self,
        *,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: list[ModelVersionTag] | None = None,
        run_link: str | None = None,
        description: str | None = None,
        model_id: str | None = None,
    ) -> None:
        self.name = name
        self.source = source
        self.run_id = run_id
        self.tags = [] if tags is None else tags
        self.run_link = run_link
        self.description = description
        self.model_id = model_id


class UpdateModelVersion(Message):
    """PATCH /2.0/mlflow/model-versions/update"""

    _fields = {
        "name": "string",
        "version": "string",
        "description": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "model_version": "ModelVersion",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            model_version: ModelVersion | None = None,
        ) -> None:
            self.model_version = model_version

    def __init__(
        self,
        *,
        name: str,
        version: str,
        description: str | None = None,
    ) -> None:
        self.name = name
        self.version = version
        self.description = description


class TransitionModelVersionStage(Message):
    """POST /2.0/mlflow/model-versions/transition-stage"""

    _fields = {
        "name": "string",
        "version": "string",
        "stage": "string",
        "archive_existing_versions": "bool",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "model_version": "ModelVersion",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            model_version: ModelVersion | None = None,
        ) -> None:
            self.model_version = model_version

    def __init__(
        self,
        *,
        name: str,
        version: str,
        stage: str,
        archive_existing_versions: bool | None = None,
    ) -> None:
        self.name = name
        self.version = version
        self.stage = stage
        self.archive_existing_versions = archive_existing_versions


class DeleteModelVersion(Message):
    """DELETE /2.0/mlflow/model-versions/delete"""

    _fields = {
        "name": "string",
        "version": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        name: str,
        version: str,
    ) -> None:
        self.name = name
        self.version = version


class GetModelVersion(Message):
    """GET /2.0/mlflow/model-versions/get"""

    _fields = {
        "name": "string",
        "version": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "model_version": "ModelVersion",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            model_version: ModelVersion | None = None,
        ) -> None:
            self.model_version = model_version

    def __init__(
        self,
        *,
        name: str,
        version: str,
    ) -> None:
        self.name = name
        self.version = version


class SearchModelVersions(Message):
    """GET /2.0/mlflow/model-versions/search"""

    _fields = {
        "filter": "string",
        "max_results": "int64",
        "order_by": "string[]",
        "page_token": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "model_versions": "ModelVersion[]",
            "next_page_token": "string",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            model_versions: list[ModelVersion] | None = None,
            next_page_token: str | None = None,
        ) -> None:
            self.model_versions = [] if model_versions is None else model_versions
            self.next_page_token = next_page_token

    def __init__(
        self,
        *,
        filter: str | None = None,
        max_results: int = 200000,
        order_by: list[str] | None = None,
        page_token: str | None = None,
    ) -> None:
        self.filter = filter
        self.max_results = max_results
        self.order_by = [] if order_by is None else order_by
        self.page_token = page_token


class GetModelVersionDownloadUri(Message):
    """GET /2.0/mlflow/model-versions/get-download-uri"""

    _fields = {
        "name": "string",
        "version": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "artifact_uri": "string",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            artifact_uri: str | None = None,
        ) -> None:
            self.artifact_uri = artifact_uri

    def __init__(
        self,
        *,
        name: str | None = None,
        version: str | None = None,
    ) -> None:
        self.name = name
        self.version = version


class SetRegisteredModelTag(Message):
    """POST /2.0/mlflow/registered-models/set-tag"""

    _fields = {
        "name": "string",
        "key": "string",
        "value": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        name: str,
        key: str,
        value: str = "",
    ) -> None:
        self.name = name
        self.key = key
        self.value = value


class SetModelVersionTag(Message):
    """POST /2.0/mlflow/model-versions/set-tag"""

    _fields = {
        "name": "string",
        "version": "string",
        "key": "string",
        "value": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        name: str,
        version: str,
        key: str,
        value: str = "",
    ) -> None:
        self.name = name
        self.version = version
        self.key = key
        self.value = value


class DeleteRegisteredModelTag(Message):
    """DELETE /2.0/mlflow/registered-models/delete-tag"""

    _fields = {
        "name": "string",
        "key": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        name: str,
        key: str,
    ) -> None:
        self.name = name
        self.key = key


class DeleteModelVersionTag(Message):
    """DELETE /2.0/mlflow/model-versions/delete-tag"""

    _fields = {
        "name": "string",
        "version": "string",
        "key": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        name: str,
        version: str,
        key: str,
    ) -> None:
        self.name = name
        self.version = version
        self.key = key


class SetRegisteredModelAlias(Message):
    """POST /2.0/mlflow/registered-models/alias"""

    _fields = {
        "name": "string",
        "alias": "string",
        "version": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        name: str,
        alias: str,
        version: str,
    ) -> None:
        self.name = name
        self.alias = alias
        self.version = version


class DeleteRegisteredModelAlias(Message):
    """DELETE /2.0/mlflow/registered-models/alias"""

    _fields = {
        "name": "string",
        "alias": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        name: str,
        alias: str,
    ) -> None:
        self.name = name
        self.alias = alias


class GetModelVersionByAlias(Message):
    """GET /2.0/mlflow/registered-models/alias"""

    _fields = {
        "name": "string",
        "alias": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "model_version": "ModelVersion",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            model_version: ModelVersion | None = None,
        ) -> None:
            self.model_version = model_version

    def __init__(
        self,
        *,
        name: str,
        alias: str,
    ) -> None:
        self.name = name
        self.alias = alias


class DownloadArtifact(Message):
    """GET /2.0/mlflow-artifacts/artifacts/<path:artifact_path>"""

    __slots__ = ()

    class Response(Message):
        __slots__ = ()


class UploadArtifact(Message):
    """PUT /2.0/mlflow-artifacts/artifacts/<path:artifact_path>"""

    __slots__ = ()

    class Response(Message):
        __slots__ = ()


class ArtifactsListArtifacts(Message):
    """GET /2.0/mlflow-artifacts/artifacts"""

    _fields = {
        "path": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "files": "ArtifactsFileInfo[]",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            files: list[ArtifactsFileInfo] | None = None,
        ) -> None:
            self.files = [] if files is None else files

    def __init__(
        self,
        *,
        path: str | None = None,
    ) -> None:
        self.path = path


class ArtifactsFileInfo(Message):
    _fields = {
        "path": "string",
        "is_dir": "bool",
        "file_size": "int64",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        path: str | None = None,
        is_dir: bool | None = None,
        file_size: int | None = None,
    ) -> None:
        self.path = path
        self.is_dir = is_dir
        self.file_size = file_size


class DeleteArtifact(Message):
    """DELETE /2.0/mlflow-artifacts/artifacts/<path:artifact_path>"""

    __slots__ = ()

    class Response(Message):
        __slots__ = ()


class CreateMultipartUpload(Message):
    """POST /2.0/mlflow-artifacts/mpu/create/<path:artifact_path>"""

    _fields = {
        "path": "string",
        "num_parts": "int64",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "upload_id": "string",
            "credentials": "MultipartUploadCredential[]",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            upload_id: str | None = None,
            credentials: list[MultipartUploadCredential] | None = None,
        ) -> None:
            self.upload_id = upload_id
            self.credentials = [] if credentials is None else credentials

    def __init__(
        self,
        *,
        path: str,
        num_parts: int | None = None,
    ) -> None:
        self.path = path
        self.num_parts = num_parts


class MultipartUploadCredential(Message):
    _fields = {
        "url": "string",
        "part_number": "int64",
        "headers": "map<string,string>",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        url: str | None = None,
        part_number: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        self.url = url
        self.part_number = part_number
        self.headers = {} if headers is None else headers


class CompleteMultipartUpload(Message):
    """POST /2.0/mlflow-artifacts/mpu/complete/<path:artifact_path>"""

    _fields = {
        "path": "string",
        "upload_id": "string",
        "parts": "MultipartUploadPart[]",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        path: str,
        upload_id: str | None = None,
        parts: list[MultipartUploadPart],
    ) -> None:
        self.path = path
        self.upload_id = upload_id
        self.parts = parts


class MultipartUploadPart(Message):
    _fields = {
        "part_number": "int64",
        "etag": "string",
        "url": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        part_number: int | None = None,
        etag: str | None = None,
        url: str | None = None,
    ) -> None:
        self.part_number = part_number
        self.etag = etag
        self.url = url


class AbortMultipartUpload(Message):
    """POST /2.0/mlflow-artifacts/mpu/abort/<path:artifact_path>"""

    _fields = {
        "path": "string",
        "upload_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        path: str,
        upload_id: str | None = None,
    ) -> None:
        self.path = path
        self.upload_id = upload_id


class GetPresignedDownloadUrl(Message):
    """GET /2.0/mlflow-artifacts/presigned/<path:artifact_path>"""

    __slots__ = ()

    class Response(Message):
        _fields = {
            "url": "string",
            "headers": "map<string,string>",
            "file_size": "int64",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            url: str | None = None,
            headers: dict[str, str] | None = None,
            file_size: int | None = None,
        ) -> None:
            self.url = url
            self.headers = {} if headers is None else headers
            self.file_size = file_size


class CreateWebhook(Message):
    """POST /2.0/mlflow/webhooks"""

    _fields = {
        "name": "string",
        "description": "string",
        "url": "string",
        "events": "WebhookEvent[]",
        "secret": "string",
        "status": "WebhookStatus",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "webhook": "Webhook",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            webhook: Webhook | None = None,
        ) -> None:
            self.webhook = webhook

    def __init__(
        self,
        *,
        name: str,
        description: str | None = None,
        url: str,
        events: list[WebhookEvent],
        secret: str | None = None,
        status: str | None = None,
    ) -> None:
        self.name = name
        self.description = description
        self.url = url
        self.events = events
        self.secret = secret
        self.status = status


class Webhook(Message):
    _fields = {
        "webhook_id": "string",
        "name": "string",
        "description": "string",
        "url": "string",
        "events": "WebhookEvent[]",
        "status": "WebhookStatus",
        "creation_timestamp": "int64",
        "last_updated_timestamp": "int64",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        webhook_id: str | None = None,
        name: str | None = None,
        description: str | None = None,
        url: str | None = None,
        events: list[WebhookEvent] | None = None,
        status: str | None = None,
        creation_timestamp: int | None = None,
        last_updated_timestamp: int | None = None,
    ) -> None:
        self.webhook_id = webhook_id
        self.name = name
        self.description = description
        self.url = url
        self.events = [] if events is None else events
        self.status = status
        self.creation_timestamp = creation_timestamp
        self.last_updated_timestamp = last_updated_timestamp


class WebhookEvent(Message):
    _fields = {
        "entity": "WebhookEntity",
        "action": "WebhookAction",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        entity: str | None = None,
        action: str | None = None,
    ) -> None:
        self.entity = entity
        self.action = action


class ListWebhooks(Message):
    """GET /2.0/mlflow/webhooks"""

    _fields = {
        "max_results": "int32",
        "page_token": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "webhooks": "Webhook[]",
            "next_page_token": "string",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            webhooks: list[Webhook] | None = None,
            next_page_token: str | None = None,
        ) -> None:
            self.webhooks = [] if webhooks is None else webhooks
            self.next_page_token = next_page_token

    def __init__(
        self,
        *,
        max_results: int = 100,
        page_token: str | None = None,
    ) -> None:
        self.max_results = max_results
        self.page_token = page_token


class GetWebhook(Message):
    """GET /2.0/mlflow/webhooks/<webhook_id>"""

    _fields = {
        "webhook_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "webhook": "Webhook",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            webhook: Webhook | None = None,
        ) -> None:
            self.webhook = webhook

    def __init__(
        self,
        *,
        webhook_id: str,
    ) -> None:
        self.webhook_id = webhook_id


class UpdateWebhook(Message):
    """PATCH /2.0/mlflow/webhooks/<webhook_id>"""

    _fields = {
        "webhook_id": "string",
        "name": "string",
        "description": "string",
        "url": "string",
        "events": "WebhookEvent[]",
        "secret": "string",
        "status": "WebhookStatus",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "webhook": "Webhook",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            webhook: Webhook | None = None,
        ) -> None:
            self.webhook = webhook

    def __init__(
        self,
        *,
        webhook_id: str,
        name: str | None = None,
        description: str | None = None,
        url: str | None = None,
        events: list[WebhookEvent] | None = None,
        secret: str | None = None,
        status: str | None = None,
    ) -> None:
        self.webhook_id = webhook_id
        self.name = name
        self.description = description
        self.url = url
        self.events = [] if events is None else events
        self.secret = secret
        self.status = status


class DeleteWebhook(Message):
    """DELETE /2.0/mlflow/webhooks/<webhook_id>"""

    _fields = {
        "webhook_id": "string",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        __slots__ = ()

    def __init__(
        self,
        *,
        webhook_id: str,
    ) -> None:
        self.webhook_id = webhook_id


class TestWebhook(Message):
    """POST /2.0/mlflow/webhooks/<webhook_id>/test"""

    _fields = {
        "webhook_id": "string",
        "event": "WebhookEvent",
    }
    __slots__ = tuple(_fields)

    class Response(Message):
        _fields = {
            "result": "WebhookTestResult",
        }
        __slots__ = tuple(_fields)

        def __init__(
            self,
            *,
            result: WebhookTestResult | None = None,
        ) -> None:
            self.result = result

    def __init__(
        self,
        *,
        webhook_id: str,
        event: WebhookEvent | None = None,
    ) -> None:
        self.webhook_id = webhook_id
        self.event = event


class WebhookTestResult(Message):
    _fields = {
        "success": "bool",
        "response_status": "int32",
        "response_body": "string",
        "error_message": "string",
    }
    __slots__ = tuple(_fields)

    def __init__(
        self,
        *,
        success: bool | None = None,
        response_status: int | None = None,
        response_body: str | None = None,
        error_message: str | None = None,
    ) -> None:
        self.success = success
        self.response_status = response_status
        self.response_body = response_body
        self.error_message = error_message
