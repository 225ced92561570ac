import time

import pytest
from azure.ai.ml import Input
from azure.ai.ml.entities import (
    BatchEndpoint,
    BatchRetrySettings,
    CodeConfiguration,
    Environment,
    Model,
    ModelBatchDeployment,
    ModelBatchDeploymentSettings,
)
from azure.core.exceptions import ResourceNotFoundError

SCORE = """
def init():
    pass
def run(files):
    return [f'{f}: scored' for f in files]
"""


def finished(ml, name):
    deadline = time.monotonic() + 60
    status = None
    while time.monotonic() < deadline and status not in ("Completed", "Failed", "Canceled"):
        time.sleep(0.2)
        status = ml.jobs.get(name).status
    return status


def test_endpoint_and_deployment(ml, cluster, unique, folder):
    name = unique("be")
    made = ml.batch_endpoints.begin_create_or_update(
        BatchEndpoint(name=name, description="d")
    ).result()
    assert made.provisioning_state == "Succeeded"
    deployment = ModelBatchDeployment(
        name="first",
        endpoint_name=name,
        model=Model(name=unique("m"), version="1", path=folder({"w": "1"}, "model")),
        code_configuration=CodeConfiguration(
            code=folder({"score.py": SCORE}, "code"), scoring_script="score.py"
        ),
        environment=Environment(name="batch-env", version="1", image="python:3.11"),
        compute=cluster,
        settings=ModelBatchDeploymentSettings(
            instance_count=1,
            mini_batch_size=2,
            max_concurrency_per_instance=1,
            retry_settings=BatchRetrySettings(max_retries=1, timeout=30),
        ),
    )
    got = ml.batch_deployments.begin_create_or_update(deployment).result()
    assert got.provisioning_state == "Succeeded"
    assert ml.batch_deployments.get("first", name).mini_batch_size == 2
    assert {one.name for one in ml.batch_deployments.list(name)} == {"first"}
    whole = ml.batch_endpoints.get(name)
    whole.defaults.deployment_name = "first"
    ml.batch_endpoints.begin_create_or_update(whole).result()
    assert ml.batch_endpoints.get(name).defaults.deployment_name == "first"
    assert name in {one.name for one in ml.batch_endpoints.list()}

    rows = folder({"a.csv": "1", "b.csv": "2", "c.csv": "3"}, "rows")
    job = ml.batch_endpoints.invoke(name, input=Input(type="uri_folder", path=rows))
    assert finished(ml, job.name) == "Completed"
    assert job.name in {one.name for one in ml.batch_endpoints.list_jobs(name)}
    assert job.name in {one.name for one in ml.batch_deployments.list_jobs(name, name="first")}

    second = ModelBatchDeployment(
        name="second",
        endpoint_name=name,
        model=deployment.model,
        code_configuration=deployment.code_configuration,
        environment=deployment.environment,
        compute=cluster,
        settings=deployment.settings,
    )
    ml.batch_deployments.begin_create_or_update(second).result()
    ml.batch_deployments.begin_delete("second", name).result()
    assert {one.name for one in ml.batch_deployments.list(name)} == {"first"}
    ml.batch_endpoints.begin_delete(name).result()
    with pytest.raises(ResourceNotFoundError):
        ml.batch_endpoints.get(name)
