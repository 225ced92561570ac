"""The File shares of a workspace: its filestore and its notebooks."""

import os

import pytest
from azure.ai.ml._azure_environments import _get_storage_endpoint_from_metadata
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.fileshare import ShareServiceClient


@pytest.fixture(scope="module")
def shares(ml):
    """The account of the workspace, opened with its key."""
    store = ml.datastores.get("workspacefilestore", include_secrets=True)
    endpoint = _get_storage_endpoint_from_metadata(ml._client._cloud)
    url = f"https://{store.account_name}.file.{endpoint}"
    return store.file_share_name, ShareServiceClient(url, store.credentials.account_key)


@pytest.mark.short
def test_every_workspace_has_its_shares(shares):
    filestore, service = shares
    names = {one.name for one in service.list_shares()}
    assert filestore in names
    assert any(name.startswith("code-") for name in names)


@pytest.mark.short
def test_notebooks_come_and_go(shares, unique):
    filestore, service = shares
    share = service.get_share_client(filestore)
    folder = share.create_directory(unique("Users"))
    content = os.urandom(9_000_000)
    file = folder.upload_file("a.ipynb", content, metadata={"kernel": "python3"})
    assert file.download_file().readall() == content
    assert file.download_file(offset=5_000_000, length=10).readall() == content[5_000_000:5_000_010]
    assert file.get_file_properties().metadata == {"kernel": "python3"}
    assert [one.name for one in folder.list_directories_and_files()] == ["a.ipynb"]
    renamed = file.rename_file(f"{folder.directory_path}/b.ipynb")
    assert renamed.download_file().readall() == content
    with pytest.raises(ResourceNotFoundError):
        file.get_file_properties()
    renamed.delete_file()
    folder.delete_directory()
    assert not folder.exists()
