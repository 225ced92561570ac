"""The other official Python clients of a workspace: its vault and its storage account."""

import os
import ssl
from urllib.parse import urlparse

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.identity import ClientSecretCredential, EnvironmentCredential
from azure.keyvault.secrets import SecretClient
from azure.storage.blob import BlobServiceClient


@pytest.fixture(scope="module")
def vault(ml, credential):
    name = ml.workspaces.get(ml.workspace_name).key_vault.rsplit("/", 1)[1]
    region = urlparse(os.environ["AZURE_AUTHORITY_HOST"])
    return SecretClient(f"https://{name}.vault.localhost:{region.port}", credential)


@pytest.fixture(scope="module")
def account(ml, credential):
    store = ml.datastores.get_default()
    metadata = ml._client._cloud
    from azure.ai.ml._azure_environments import _get_storage_endpoint_from_metadata

    endpoint = _get_storage_endpoint_from_metadata(metadata)
    return BlobServiceClient(f"https://{store.account_name}.blob.{endpoint}", credential)


@pytest.mark.short
def test_tokens():
    scope = "https://management.azure.com/.default"
    assert EnvironmentCredential().get_token(scope).token
    secret = ClientSecretCredential(
        os.environ["AZURE_TENANT_ID"],
        os.environ["AZURE_CLIENT_ID"],
        os.environ["AZURE_CLIENT_SECRET"],
    )
    assert secret.get_token("https://storage.azure.com/.default").token
    wrong = ClientSecretCredential(
        os.environ["AZURE_TENANT_ID"], os.environ["AZURE_CLIENT_ID"], "wrong"
    )
    with pytest.raises(Exception, match="AADSTS7000215"):
        wrong.get_token(scope)


@pytest.mark.short
def test_vault(vault, unique):
    name = unique("secret")
    vault.set_secret(name, "one", tags={"a": "b"})
    vault.set_secret(name, "two")
    assert vault.get_secret(name).value == "two"
    assert len(list(vault.list_properties_of_secret_versions(name))) == 2
    assert name in {one.name for one in vault.list_properties_of_secrets()}
    vault.update_secret_properties(name, tags={"c": "d"})
    assert vault.get_secret(name).properties.tags == {"c": "d"}
    vault.begin_delete_secret(name).result()
    with pytest.raises(ResourceNotFoundError):
        vault.get_secret(name)
    assert name in {one.name for one in vault.list_deleted_secrets()}
    vault.begin_recover_deleted_secret(name).wait()
    assert vault.get_secret(name).value == "two"
    vault.begin_delete_secret(name).wait()
    vault.purge_deleted_secret(name)


@pytest.mark.short
def test_blobs(account, unique):
    container = account.create_container(unique("c"))
    blob = container.get_blob_client("a/b.txt")
    blob.upload_blob(b"x" * 10_000_000, metadata={"m": "1"}, overwrite=True)
    assert blob.get_blob_properties().size == 10_000_000
    assert blob.download_blob(offset=5, length=3).readall() == b"xxx"
    blob.set_blob_metadata({"m": "2"})
    assert [one.name for one in container.list_blobs(name_starts_with="a/")] == ["a/b.txt"]
    copy = container.get_blob_client("copy.txt")
    assert copy.start_copy_from_url(blob.url)["copy_status"] == "success"
    blob.delete_blob()
    assert not blob.exists()
    container.delete_container()
