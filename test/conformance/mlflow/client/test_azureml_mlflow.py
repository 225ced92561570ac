"""Azure's plugin for MLflow: the workspace's own address, and its own sign-in."""

from urllib.parse import urlparse

import mlflow
import pytest


@pytest.fixture
def plugin(arm, workspace):
    mlflow.set_tracking_uri(f"azureml://{urlparse(arm).netloc}/mlflow/v1.0{workspace}")
    mlflow.set_registry_uri(None)
    yield mlflow.MlflowClient()
    while mlflow.active_run():
        mlflow.end_run()


def test_runs_through_the_plugin(plugin, unique, tmp_path):
    mlflow.set_experiment(unique("plugin"))
    note = tmp_path / "note.txt"
    note.write_text("kept")
    with mlflow.start_run() as run:
        mlflow.log_param("a", 1)
        mlflow.log_metric("m", 2.5)
        mlflow.log_artifact(str(note))
    found = mlflow.get_run(run.info.run_id)
    assert found.data.params == {"a": "1"}
    assert found.data.metrics == {"m": 2.5}
    out = mlflow.artifacts.download_artifacts(
        run_id=run.info.run_id, artifact_path="note.txt", dst_path=str(tmp_path / "out")
    )
    assert open(out, encoding="utf-8").read() == "kept"
