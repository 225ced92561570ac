import pytest
from azure.ai.ml.entities import (
    AccountKeyConfiguration,
    AzureBlobDatastore,
    AzureDataLakeGen2Datastore,
    AzureFileDatastore,
    SasTokenConfiguration,
    ServicePrincipalConfiguration,
)
from azure.core.exceptions import ResourceNotFoundError


@pytest.mark.short
def test_default_ones(ml):
    names = {store.name for store in ml.datastores.list()}
    assert names == {
        "workspaceblobstore",
        "workspaceartifactstore",
        "workspacefilestore",
        "workspaceworkingdirectory",
    }
    assert ml.datastores.get_default().name == "workspaceblobstore"
    with_secret = ml.datastores.get_default(include_secrets=True)
    assert with_secret.credentials.sas_token


def test_each_kind_comes_back_as_written(ml, unique):
    secret = {"account_key": "a2V5a2V5"}
    blob = AzureBlobDatastore(
        name=unique("blob").replace("-", "_"),
        account_name="acct",
        container_name="c",
        description="d",
        tags={"a": "b"},
        credentials=AccountKeyConfiguration(**secret),
    )
    made = ml.datastores.create_or_update(blob)
    assert (made.account_name, made.container_name, made.tags["a"]) == ("acct", "c", "b")
    assert not getattr(ml.datastores.get(blob.name).credentials, "account_key", None)
    assert ml.datastores.get(blob.name, include_secrets=True).credentials.account_key == "a2V5a2V5"

    sas = AzureBlobDatastore(
        name=unique("sas").replace("-", "_"),
        account_name="acct",
        container_name="c",
        credentials=SasTokenConfiguration(sas_token="sv=1&sig=x"),
    )
    ml.datastores.create_or_update(sas)
    assert ml.datastores.get(sas.name, include_secrets=True).credentials.sas_token == "sv=1&sig=x"

    principal = ServicePrincipalConfiguration(
        tenant_id="t", client_id="c", client_secret="s", authority_url="https://login.example"
    )
    lake = AzureDataLakeGen2Datastore(
        name=unique("lake").replace("-", "_"),
        account_name="acct",
        filesystem="fs",
        credentials=principal,
    )
    assert ml.datastores.create_or_update(lake).filesystem == "fs"
    assert ml.datastores.get(lake.name, include_secrets=True).credentials.client_secret == "s"

    share = AzureFileDatastore(
        name=unique("share").replace("-", "_"),
        account_name="acct",
        file_share_name="sh",
        credentials=AccountKeyConfiguration(**secret),
    )
    assert ml.datastores.create_or_update(share).file_share_name == "sh"

    ml.datastores.delete(blob.name)
    with pytest.raises(ResourceNotFoundError):
        ml.datastores.get(blob.name)


def test_more_than_a_page(ml, unique):
    stem = unique("page").replace("-", "_")
    for number in range(35):
        ml.datastores.create_or_update(
            AzureBlobDatastore(name=f"{stem}_{number}", account_name="a", container_name="c")
        )
    assert sum(store.name.startswith(stem) for store in ml.datastores.list()) == 35
