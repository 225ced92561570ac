import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.constants import AssetTypes
from azure.ai.ml.entities import Data, Environment, Model, Registry, RegistryRegionDetails
from azure.core.exceptions import ResourceNotFoundError

from conftest import GROUP, SUBSCRIPTION, recorder


@pytest.fixture(scope="module")
def registry(ml):
    name = "shared-registry"
    made = ml.registries.begin_create(
        Registry(
            name=name,
            location="eastus",
            replication_locations=[
                RegistryRegionDetails(location="eastus"),
                RegistryRegionDetails(location="westus"),
            ],
        )
    ).result()
    assert made.name == name
    return name


@pytest.fixture(scope="module")
def shared(credential, registry):
    return recorder.watched(MLClient(credential, registry_name=registry, show_progress=False))


def test_create_get_list_delete(ml, registry, unique):
    got = ml.registries.get(registry)
    assert {one.location for one in got.replication_locations} == {"eastus", "westus"}
    assert registry in {one.name for one in ml.registries.list()}
    other = unique("reg")
    ml.registries.begin_create(Registry(
            name=other,
            location="eastus",
            replication_locations=[RegistryRegionDetails(location="eastus")],
        )).result()
    ml.registries.begin_delete(name=other).result()
    with pytest.raises(ResourceNotFoundError):
        ml.registries.get(other)


def test_assets_of_a_registry(shared, registry, unique, folder):
    name = unique("m")
    path = folder({"w": "1"}, "model")
    model = shared.models.create_or_update(Model(name=name, version="1", path=path))
    assert model.id == f"azureml://registries/{registry}/models/{name}/versions/1"
    assert shared.models.get(name, version="1").name == name
    env = shared.environments.create_or_update(
        Environment(name=unique("e"), version="1", image="python:3.11")
    )
    assert env.version == "1"
    assert [one.version for one in shared.environments.list(name=env.name)] == ["1"]
    data = shared.data.create_or_update(
        Data(name=unique("d"), version="1", path=path, type=AssetTypes.URI_FOLDER)
    )
    assert data.version == "1"


def test_share(ml, shared, registry, unique, folder):
    name = unique("m")
    ml.models.create_or_update(Model(name=name, version="1", path=folder({"w": "1"}, "model")))
    given = ml.models.share(
        name, "1", share_with_name=name, share_with_version="7", registry_name=registry
    )
    assert (given.name, given.version) == (name, "7")
    assert shared.models.get(name, version="7").version == "7"
