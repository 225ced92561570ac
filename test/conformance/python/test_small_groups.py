import pytest
from azure.ai.ml.entities import Model, ServerlessEndpoint
from azure.core.exceptions import ResourceNotFoundError


def test_evaluators(ml, unique, folder, tmp_path):
    name = unique("evaluator")
    path = folder({"flow.flex.yaml": "entry: e:E\n", "e.py": "class E: pass\n"}, "flow")
    made = ml.evaluators.create_or_update(
        Model(
            name=name,
            version="1",
            path=path,
            properties={"is-promptflow": "true", "is-evaluator": "true"},
        )
    )
    assert made.version == "1"
    assert ml.evaluators.get(name, version="1").properties["is-evaluator"] == "true"
    assert [one.version for one in ml.evaluators.list(name)] == ["1"]
    ml.evaluators.download(name, "1", download_path=str(tmp_path / "out"))
    assert list((tmp_path / "out").rglob("e.py"))


def test_serverless_endpoint(ml, unique):
    name = unique("serverless")
    made = ml.serverless_endpoints.begin_create_or_update(
        ServerlessEndpoint(name=name, model_id="azureml://registries/azureml-meta/models/m")
    ).result()
    assert made.name == name
    assert ml.serverless_endpoints.get(name).model_id.endswith("/models/m")
    assert name in {one.name for one in ml.serverless_endpoints.list()}
    ml.serverless_endpoints.begin_delete(name).result()
    with pytest.raises(ResourceNotFoundError):
        ml.serverless_endpoints.get(name)
