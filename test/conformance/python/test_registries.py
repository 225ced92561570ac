import os

import pytest
from azure.ai.ml import command
from azure.ai.ml.entities import Data, Environment, Model, Registry, RegistryRegionDetails
from azure.core.exceptions import ResourceNotFoundError


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


@pytest.fixture(scope="module")
def shared(connect, registry):
    """A client of the registry itself: it finds where that is by asking for its name."""
    return connect(None, registry_name=registry)


def downloaded(folder):
    return {os.path.basename(os.path.join(at, file)) for at, _, files in os.walk(folder) for file in files}


def test_models_of_a_registry(shared, unique, folder, tmp_path):
    name = unique("model")
    made = shared.models.create_or_update(
        Model(name=name, version="1", path=folder({"weights.bin": "1234"}), tags={"a": "b"})
    )
    assert made.version == "1"
    assert shared.models.get(name, version="1").tags == {"a": "b"}
    assert [one.version for one in shared.models.list(name=name)] == ["1"]
    shared.models.download(name, "1", download_path=str(tmp_path / "out"))
    assert downloaded(tmp_path / "out") == {"weights.bin"}


def test_environments_and_components_of_a_registry(shared, registry, unique):
    environment = unique("env")
    shared.environments.create_or_update(
        Environment(name=environment, version="1", image="docker.io/library/python:3.11")
    )
    assert shared.environments.get(environment, version="1").image.endswith("python:3.11")
    name = unique("component").replace("-", "_")
    component = command(
        name=name,
        version="1",
        command="echo hello",
        environment=f"azureml://registries/{registry}/environments/{environment}/versions/1",
    ).component
    shared.components.create_or_update(component)
    assert shared.components.get(name, version="1").command == "echo hello"
    assert name in {one.name for one in shared.components.list()}


def test_share_models_environments_and_data(ml, shared, registry, unique, folder, tmp_path):
    source, target = unique("source"), unique("shared")
    place = {"share_with_name": target, "share_with_version": "7", "registry_name": registry}
    ml.models.create_or_update(Model(name=source, version="1", path=folder({"m.bin": "m"}, "m")))
    assert ml.models.share(source, "1", **place).version == "7"
    shared.models.download(target, "7", download_path=str(tmp_path / "models"))
    assert downloaded(tmp_path / "models") == {"m.bin"}

    ml.environments.create_or_update(Environment(name=source, version="1", image="python:3.11"))
    assert ml.environments.share(source, "1", **place).image == "python:3.11"
    assert shared.environments.get(target, version="7").name == target

    ml.data.create_or_update(
        Data(name=source, version="1", type="uri_folder", path=folder({"d.csv": "1,2"}, "d"))
    )
    assert ml.data.share(source, "1", **place).version == "7"
    assert shared.data.get(target, version="7").type == "uri_folder"
    # The client after a share is the client before it.
    assert ml.models.get(source, version="1").version == "1"
    with pytest.raises(Exception, match="already exists"):
        ml.models.share(source, "1", **place)
