"""MLflow's own client on a workspace of a local region, as published."""

import os
import time
import uuid

import mlflow
import pytest
import requests
from azure.identity import EnvironmentCredential

SCOPE = "https://management.azure.com/.default"
SUBSCRIPTION = "5f08d643-1910-4a38-a7c7-84a39d4f42e0"


@pytest.fixture(scope="session")
def arm():
    """The address of Resource Manager, as the description of the cloud has it."""
    clouds = requests.get(os.environ["ARM_CLOUD_METADATA_URL"], timeout=30).json()
    cloud = clouds[0] if isinstance(clouds, list) else clouds
    return cloud["resourceManager"].rstrip("/")


@pytest.fixture(scope="session")
def token():
    return EnvironmentCredential().get_token(SCOPE).token


@pytest.fixture(scope="session")
def workspace(arm, token):
    """The path of a workspace of its own."""
    group = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/mlflow"
    path = f"{group}/providers/Microsoft.MachineLearningServices/workspaces/ml{uuid.uuid4().hex[:8]}"
    url = f"{arm}{path}?api-version=2025-12-01"
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {token}"
    session.put(f"{arm}{group}?api-version=2024-03-01", json={"location": "eastus"})
    body = {"location": "eastus", "identity": {"type": "SystemAssigned"}, "properties": {}}
    session.put(url, json=body).raise_for_status()
    deadline = time.time() + 60
    while True:
        found = session.get(url).json()
        if found.get("properties", {}).get("provisioningState") == "Succeeded":
            return path
        assert time.time() < deadline, found
        time.sleep(0.1)


@pytest.fixture
def tracking(arm, token, workspace, monkeypatch):
    """MLflow's client with nothing but an address and a token."""
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", token)
    mlflow.set_tracking_uri(f"{arm}/mlflow/v1.0{workspace}")
    mlflow.set_registry_uri(None)
    yield mlflow.MlflowClient()
    while mlflow.active_run():
        mlflow.end_run()


@pytest.fixture
def experiment(tracking):
    name = f"exp-{uuid.uuid4().hex[:8]}"
    mlflow.set_experiment(name)
    return name


@pytest.fixture
def unique():
    return lambda stem: f"{stem}-{uuid.uuid4().hex[:8]}"
