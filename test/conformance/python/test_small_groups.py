import pytest
from azure.ai.ml.entities import (
    CapabilityHost,
    Hub,
    Index,
    MarketplaceSubscription,
    Model,
    ServerlessEndpoint,
)
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
    keys = ml.serverless_endpoints.get_keys(name)
    assert keys.primary_key and keys.primary_key != keys.secondary_key
    ml.serverless_endpoints.begin_delete(name).result()
    with pytest.raises(ResourceNotFoundError):
        ml.serverless_endpoints.get(name)


def test_marketplace_subscription(ml, unique):
    name = unique("subscription")
    subscriptions = ml.marketplace_subscriptions
    made = subscriptions.begin_create_or_update(
        MarketplaceSubscription(name=name, model_id="azureml://registries/azureml-meta/models/m")
    ).result()
    assert made.status == "subscribed"
    assert subscriptions.get(name).model_id.endswith("/models/m")
    assert name in {one.name for one in subscriptions.list()}
    subscriptions.begin_delete(name).result()
    with pytest.raises(ResourceNotFoundError):
        subscriptions.get(name)


def test_capability_host(connect, unique):
    hub, name = unique("hub"), unique("agents")
    client = connect(hub)
    client.workspaces.begin_create(Hub(name=hub, location="eastus")).result()
    hosts = client.capability_hosts
    made = hosts.begin_create_or_update(
        CapabilityHost(name=name, capability_host_kind="Agents", description="d")
    ).result()
    assert made.name == name
    assert hosts.get(name).description == "d"
    hosts.begin_delete(name).result()
    with pytest.raises(ResourceNotFoundError):
        hosts.get(name)


def test_indexes(ml, unique, folder):
    name = unique("index")
    path = folder({"MLIndex": "embeddings: {}\n"}, "index")
    made = ml.indexes.create_or_update(Index(name=name, version="1", path=path, tags={"a": "b"}))
    assert (made.name, made.version, made.tags) == (name, "1", {"a": "b"})
    assert made.path.startswith("azureml://")
    # Without a version the service counts up.
    assert ml.indexes.create_or_update(Index(name=name, path=path)).version == "2"
    assert ml.indexes.get(name, version="1").path == made.path
    assert ml.indexes.get(name, label="latest").version == "2"
    assert {one.version for one in ml.indexes.list(name)} == {"1", "2"}
    assert [one.version for one in ml.indexes.list() if one.name == name] == ["2"]
    archived = ml.indexes.get(name, version="1")
    archived.stage = "Archive"
    ml.indexes.create_or_update(archived)
    assert [one.version for one in ml.indexes.list(name)] == ["2"]
    with pytest.raises(ResourceNotFoundError):
        ml.indexes.get(name, version="9")
