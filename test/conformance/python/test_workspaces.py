import pytest
from azure.ai.ml.entities import Workspace
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError


def test_create_get_list_update_delete(connect, unique):
    name = unique("ws")
    ml = connect(name)
    made = ml.workspaces.begin_create(
        Workspace(name=name, location="eastus", display_name="Shown", tags={"team": "fraud"})
    ).result()
    assert (made.name, made.location, made.display_name) == (name, "eastus", "Shown")
    assert made.tags["team"] == "fraud"
    assert made.mlflow_tracking_uri.startswith("azureml://")
    assert "/storageAccounts/" in made.storage_account and "/vaults/" in made.key_vault
    assert name in [one.name for one in ml.workspaces.list()]
    assert name in [one.name for one in ml.workspaces.list(scope="subscription")]

    made.description = "changed"
    updated = ml.workspaces.begin_update(made).result()
    assert updated.description == "changed"
    assert ml.workspaces.get(name).description == "changed"

    keys = ml.workspaces.get_keys(name)
    assert keys.user_storage_key
    ml.workspaces.begin_sync_keys(name).result()
    diagnosis = ml.workspaces.begin_diagnose(name).result()
    assert diagnosis.storage_account_results == []

    ml.workspaces.begin_delete(
        name, delete_dependent_resources=True, permanently_delete=True
    ).result()
    with pytest.raises(ResourceNotFoundError):
        ml.workspaces.get(name)
    with pytest.raises(ResourceNotFoundError):
        connect().workspaces._operation.get(GROUP_OF(made), "never-there")


def GROUP_OF(workspace):
    return workspace.resource_group


def test_creating_again_updates(connect, unique):
    name = unique("ws")
    ml = connect(name)
    first = ml.workspaces.begin_create(Workspace(name=name, location="eastus")).result()
    again = ml.workspaces.begin_create(
        Workspace(name=name, location="eastus", tags={"second": "yes"})
    ).result()
    assert again.tags["second"] == "yes"
    assert again.storage_account == first.storage_account


def test_deleted_softly_blocks_its_name(connect, unique):
    name = unique("ws")
    ml = connect(name)
    ml.workspaces.begin_create(Workspace(name=name, location="eastus")).result()
    ml.workspaces.begin_delete(name, delete_dependent_resources=False).result()
    with pytest.raises(ResourceNotFoundError):
        ml.workspaces.get(name)
    with pytest.raises(HttpResponseError, match="[Ss]oft-deleted workspace exists"):
        ml.workspaces.begin_create(Workspace(name=name, location="eastus")).result()


def test_managed_network_and_outbound_rules(connect, unique):
    from azure.ai.ml.constants._workspace import IsolationMode
    from azure.ai.ml.entities import FqdnDestination, ManagedNetwork

    name = unique("ws")
    ml = connect(name)
    ml.workspaces.begin_create(
        Workspace(
            name=name,
            location="eastus",
            managed_network=ManagedNetwork(
                isolation_mode=IsolationMode.ALLOW_ONLY_APPROVED_OUTBOUND,
                outbound_rules=[FqdnDestination(name="pypi", destination="pypi.org")],
            ),
        )
    ).result()
    isolation = ml.workspaces.get(name).managed_network.isolation_mode
    assert isolation == IsolationMode.ALLOW_ONLY_APPROVED_OUTBOUND
    rules = ml.workspace_outbound_rules
    rules.begin_create(name, FqdnDestination(name="npm", destination="npmjs.org")).result()
    assert rules.get(name, "npm").destination == "npmjs.org"
    rules.begin_update(name, FqdnDestination(name="npm", destination="npmjs.com")).result()
    assert rules.get(name, "npm").destination == "npmjs.com"
    assert {"npm", "pypi"} <= {rule.name for rule in rules.list(name)}
    rules.begin_remove(name, "npm").result()
    assert "npm" not in {rule.name for rule in rules.list(name)}
    provisioned = ml.workspaces.begin_provision_network(workspace_name=name).result()
    assert provisioned.status == "Active"
