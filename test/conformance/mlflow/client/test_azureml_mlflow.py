"""Azure's plugin for MLflow: the workspace's own address, and its own sign-in."""

from urllib.parse import urlparse

import mlflow
import pytest
import requests


@pytest.fixture
def plugin(arm, workspace):
    mlflow.set_tracking_uri(f"azureml://{urlparse(arm).netloc}/mlflow/v1.0{workspace}")
    mlflow.set_registry_uri(None)
    yield mlflow.MlflowClient()
    while mlflow.active_run():
        mlflow.end_run()


def test_runs_through_the_plugin(plugin, unique, tmp_path, arm, token, workspace):
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
    assert [one.path for one in plugin.list_artifacts(run.info.run_id)] == ["note.txt"]
    # The plugin downloads from host names of Azure Storage alone, and a region gives its own address;
    # so this reads what the plugin uploaded as a plain client does.
    path = f"ExperimentRun/dcid.{run.info.run_id}/note.txt"
    url = f"{arm}/mlflow/v1.0{workspace}/api/2.0/mlflow-artifacts/artifacts/{path}"
    found = requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=30)
    assert found.text == "kept"
