import pytest
from azure.ai.ml.entities import Registry, RegistryRegionDetails
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
