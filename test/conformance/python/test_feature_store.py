from datetime import datetime

import pytest
from azure.ai.ml.entities import (
    DataColumn,
    FeatureSet,
    FeatureSetSpecification,
    FeatureStore,
    FeatureStoreEntity,
)
from azure.core.exceptions import ResourceNotFoundError

SPEC = """
$schema: http://azureml/sdk-2-0/FeatureSetSpec.json
source:
  type: parquet
  path: abfss://c@a.dfs.core.windows.net/x
  timestamp_column:
    name: timestamp
features:
  - name: amount
    type: double
index_columns:
  - name: account
    type: string
"""


@pytest.fixture(scope="module")
def store(connect):
    name = "features"
    client = connect(name)
    made = client.feature_stores.begin_create(FeatureStore(name=name, location="eastus")).result()
    assert made.name == name
    return client


@pytest.fixture
def entity(store, unique):
    name = unique("account")
    made = store.feature_store_entities.begin_create_or_update(
        FeatureStoreEntity(
            name=name, version="1", index_columns=[DataColumn(name="account", type="string")]
        )
    ).result()
    assert made.index_columns[0].name == "account"
    return name


def test_feature_store(store):
    assert store.feature_stores.get("features").name == "features"
    assert "features" in {one.name for one in store.feature_stores.list()}
    got = store.feature_stores.get("features")
    got.description = "changed"
    assert store.feature_stores.begin_update(got).result().description == "changed"


def test_managed_network(store):
    provisioned = store.feature_stores.begin_provision_network(
        feature_store_name="features", include_spark=False
    ).result()
    assert provisioned.status == "Active"


def test_entities(store, entity):
    entities = store.feature_store_entities
    assert entities.get(entity, "1").version == "1"
    assert entity in {one.name for one in entities.list()}
    entities.archive(entity, "1")
    assert [one.version for one in entities.list(name=entity)] == []
    assert [one.version for one in entities.list(name=entity, list_view_type="All")] == ["1"]
    entities.restore(entity, "1")
    assert [one.version for one in entities.list(name=entity)] == ["1"]


def test_feature_sets(store, entity, unique, folder):
    name = unique("transactions")
    spec = folder({"FeatureSetSpec.yaml": SPEC}, "spec")
    made = store.feature_sets.begin_create_or_update(
        FeatureSet(
            name=name,
            version="1",
            entities=[f"azureml:{entity}:1"],
            stage="Development",
            specification=FeatureSetSpecification(path=spec),
        )
    ).result()
    assert made.entities == [f"azureml:{entity}:1"]
    sets = store.feature_sets
    assert sets.get(name, "1").specification.path.startswith("azureml://")
    assert name in {one.name for one in sets.list()}
    assert [(one.name, one.data_type) for one in sets.list_features(name, "1")] == [
        ("amount", "Double")
    ]
    assert list(sets.list_features(name, "1", feature_name="never-there")) == []
    assert sets.get_feature(name, "1", feature_name="amount").data_type == "Double"
    with pytest.raises(ResourceNotFoundError):
        sets.get_feature(name, "1", feature_name="never-there")
    # Nothing was materialized, so there is nothing to list.
    assert list(sets.list_materialization_operations(name, "1")) == []
    sets.archive(name, "1")
    assert [one.version for one in sets.list(name=name)] == []
    sets.restore(name, "1")
    assert [one.version for one in sets.list(name=name)] == ["1"]
    with pytest.raises(ResourceNotFoundError):
        sets.get("never-there", "1")


def test_delete(connect, unique):
    name = unique("fs")
    client = connect(name)
    client.feature_stores.begin_create(FeatureStore(name=name, location="eastus")).result()
    client.feature_stores.begin_delete(name).result()
    with pytest.raises(ResourceNotFoundError):
        client.feature_stores.get(name)
