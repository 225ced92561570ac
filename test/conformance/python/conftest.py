import os
import uuid

import pytest
from azure.ai.ml import MLClient
from azure.ai.ml.entities import AmlCompute, Workspace
from azure.identity import DefaultAzureCredential

from coverage import Recorder, operation_groups, report

SUBSCRIPTION = "5f08d643-1910-4a38-a7c7-84a39d4f42e0"
GROUP = "conformance"
recorder = Recorder()
state = {}


@pytest.fixture(scope="session")
def credential():
    """As published: everything comes from the environment that `holdfast region env` prints."""
    return DefaultAzureCredential()


@pytest.fixture(scope="session")
def connect(credential):
    def connected(workspace=None, **options):
        client = MLClient(credential, SUBSCRIPTION, GROUP, workspace, show_progress=False, **options)
        return recorder.watched(client)

    return connected


@pytest.fixture(scope="session")
def ml(connect):
    """A workspace of its own for this session."""
    name = f"conf-{uuid.uuid4().hex[:8]}"
    client = connect(name)
    client.workspaces.begin_create(Workspace(name=name, location="eastus")).result()
    state["groups"] = operation_groups(client._client)
    return client


@pytest.fixture(scope="session")
def cluster(ml):
    ml.compute.begin_create_or_update(
        AmlCompute(name="cpu", size="Standard_DS3_v2", min_instances=0, max_instances=2)
    ).result()
    return "cpu"


@pytest.fixture
def unique():
    """A name nobody else uses."""
    return lambda stem: f"{stem}-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def folder(tmp_path):
    """Makes a folder with these files."""

    def make(files, name="content"):
        root = tmp_path / name
        for path, text in files.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        return str(root)

    return make


def pytest_terminal_summary(terminalreporter, exitstatus):
    if "groups" not in state:
        return
    whole = os.environ.get("HOLDFAST_CONFORMANCE") == "full" and exitstatus == 0
    lines, incomplete = report(recorder.exercised, state["groups"], whole)
    terminalreporter.write_line("")
    for line in lines:
        terminalreporter.write_line(line)
    if whole and incomplete:
        terminalreporter.write_line("the list of gaps does not match what was exercised")
        state["incomplete"] = True


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config):
    if state.get("incomplete"):
        os._exit(1)
