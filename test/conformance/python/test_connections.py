import pytest
from azure.ai.ml.entities import (
    ApiKeyConfiguration,
    AzureBlobStoreConnection,
    AccountKeyConfiguration,
    UsernamePasswordConfiguration,
    PatTokenConfiguration,
    WorkspaceConnection,
)
from azure.core.exceptions import ResourceNotFoundError


@pytest.mark.short
def test_git_with_token(ml, unique):
    name = unique("git")
    made = ml.connections.create_or_update(
        WorkspaceConnection(
            name=name,
            type="git",
            target="https://git.example/x.git",
            credentials=PatTokenConfiguration(pat="secret-pat"),
        )
    )
    assert (made.name, made.type, made.target) == (name, "git", "https://git.example/x.git")
    assert ml.connections.get(name).credentials.pat is None
    assert name in {one.name for one in ml.connections.list()}
    assert name in {one.name for one in ml.connections.list(connection_type="git")}
    ml.connections.delete(name)
    with pytest.raises(ResourceNotFoundError):
        ml.connections.get(name)


def test_other_kinds(ml, unique):
    feed = WorkspaceConnection(
        name=unique("feed"),
        type="python_feed",
        target="https://feed.example",
        credentials=UsernamePasswordConfiguration(username="u", password="p4ss"),
    )
    got = ml.connections.create_or_update(feed)
    assert got.credentials.username == "u" and not got.credentials.password
    api = WorkspaceConnection(
        name=unique("api"),
        type="custom",
        target="https://api.example",
        credentials=ApiKeyConfiguration(key="k"),
        metadata={"note": "kept"},
    )
    ml.connections.create_or_update(api)
    assert ml.connections.get(api.name).metadata["note"] == "kept"
    # The client fills in API keys only.
    assert ml.connections.get(api.name, populate_secrets=True).credentials.key == "k"
    filled = ml.connections.list(populate_secrets=True)
    assert "k" in {one.credentials.key for one in filled if one.name == api.name}
