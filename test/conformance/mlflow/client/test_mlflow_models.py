import mlflow
import numpy
import pytest
from mlflow.exceptions import MlflowException
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression


@pytest.fixture
def fitted(tracking, experiment):
    """A model that autologging logged, its run, and the data."""
    mlflow.sklearn.autolog(log_datasets=True)
    try:
        inputs, labels = load_iris(return_X_y=True)
        with mlflow.start_run() as run:
            model = LogisticRegression(max_iter=500).fit(inputs, labels)
    finally:
        mlflow.sklearn.autolog(disable=True)
    return model, mlflow.get_run(run.info.run_id), inputs


def test_autolog_of_scikit_learn(tracking, fitted):
    model, run, inputs = fitted
    assert run.data.params["max_iter"] == "500"
    assert run.data.metrics["training_accuracy_score"] > 0.9
    [logged] = mlflow.search_logged_models(
        experiment_ids=[run.info.experiment_id], output_format="list"
    )
    assert logged.source_run_id == run.info.run_id
    again = mlflow.sklearn.load_model(f"models:/{logged.model_id}")
    assert numpy.array_equal(again.predict(inputs), model.predict(inputs))


def test_registry(tracking, fitted, unique):
    model, run, inputs = fitted
    name = unique("iris")
    version = mlflow.register_model(f"runs:/{run.info.run_id}/model", name, tags={"by": "test"})
    assert version.version in ("1", 1)
    tracking.set_registered_model_alias(name, "champion", version.version)
    loaded = mlflow.pyfunc.load_model(f"models:/{name}@champion")
    assert numpy.array_equal(loaded.predict(inputs), model.predict(inputs))
    second = mlflow.register_model(f"runs:/{run.info.run_id}/model", name)
    tracking.set_registered_model_alias(name, "champion", second.version)
    assert tracking.get_model_version_by_alias(name, "champion").version == second.version
    found = tracking.search_model_versions(f"name = '{name}'")
    assert [str(one.version) for one in found] == ["2", "1"]
    tracking.set_model_version_tag(name, "1", "state", "old")
    assert tracking.get_model_version(name, "1").tags == {"by": "test", "state": "old"}
    tracking.update_registered_model(name, description="flowers")
    assert tracking.get_registered_model(name).description == "flowers"
    tracking.delete_model_version(name, "1")
    with pytest.raises(MlflowException):
        tracking.get_model_version(name, "1")
    assert mlflow.pyfunc.load_model(f"models:/{name}/2").predict(inputs[:1]).shape == (1,)


def test_registered_models_are_models_of_the_workspace(tracking, fitted, unique, arm, token, workspace):
    import requests

    _, run, _ = fitted
    name = unique("seen")
    mlflow.register_model(f"runs:/{run.info.run_id}/model", name)
    url = f"{arm}{workspace}/models/{name}/versions/1?api-version=2025-12-01"
    found = requests.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=30).json()
    assert found["properties"]["modelType"] == "mlflow_model"
    assert found["properties"]["jobName"] == run.info.run_id
