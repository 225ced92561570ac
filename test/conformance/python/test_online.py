import json

import pytest
from azure.ai.ml.entities import (
    CodeConfiguration,
    Environment,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    Model,
)
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError

SCORE = """
import json, os
def init():
    global factor
    root = os.environ['AZUREML_MODEL_DIR']
    for at, _, files in os.walk(root):
        if 'factor.txt' in files:
            factor = int(open(os.path.join(at, 'factor.txt')).read())
    print('ready with', factor)
def run(raw):
    return [value * factor for value in json.loads(raw)['data']]
"""


@pytest.fixture(scope="module")
def endpoint(ml):
    name = "scoring"
    made = ml.online_endpoints.begin_create_or_update(
        ManagedOnlineEndpoint(name=name, auth_mode="key", tags={"a": "b"})
    ).result()
    assert made.provisioning_state == "Succeeded" and made.scoring_uri
    return name


@pytest.fixture
def deploy(ml, endpoint, folder):
    def deployed(name, factor):
        deployment = ManagedOnlineDeployment(
            name=name,
            endpoint_name=endpoint,
            model=Model(name=f"factor-{name}", path=folder({"factor.txt": str(factor)}, f"m{name}")),
            code_configuration=CodeConfiguration(
                code=folder({"score.py": SCORE}, f"c{name}"), scoring_script="score.py"
            ),
            environment=Environment(name="online-env", version="1", image="python:3.11"),
            instance_type="Standard_DS3_v2",
            instance_count=1,
        )
        return ml.online_deployments.begin_create_or_update(deployment).result()

    return deployed


@pytest.mark.short
def test_blue_and_green(ml, endpoint, deploy, folder):
    blue = deploy("blue", 2)
    assert blue.provisioning_state == "Succeeded"
    deploy("green", 3)
    request = folder({"request.json": json.dumps({"data": [1, 2]})}, "request") + "/request.json"

    def ask(deployment=None):
        answer = ml.online_endpoints.invoke(
            endpoint, request_file=request, deployment_name=deployment
        )
        return json.loads(answer)

    whole = ml.online_endpoints.get(endpoint)
    whole.traffic = {"blue": 100}
    assert ml.online_endpoints.begin_create_or_update(whole).result().traffic == {"blue": 100}
    assert ask() == [2, 4]
    whole.traffic = {"blue": 0, "green": 100}
    ml.online_endpoints.begin_create_or_update(whole).result()
    assert ask() == [3, 6]
    # Last, because this client sends the deployment named here with every later call too.
    assert ask("green") == [3, 6]
    assert ask("blue") == [2, 4]

    assert "ready with 2" in ml.online_deployments.get_logs("blue", endpoint, lines=50)
    assert ml.online_deployments.get("blue", endpoint).instance_type == "Standard_DS3_v2"
    assert {one.name for one in ml.online_deployments.list(endpoint)} == {"blue", "green"}
    assert endpoint in {one.name for one in ml.online_endpoints.list()}

    before = ml.online_endpoints.get_keys(endpoint)
    ml.online_endpoints.begin_regenerate_keys(endpoint, key_type="primary").result()
    after = ml.online_endpoints.get_keys(endpoint)
    assert after.primary_key != before.primary_key
    assert after.secondary_key == before.secondary_key
    assert ask("green") == [3, 6]

    ml.online_deployments.begin_delete("blue", endpoint).result()
    with pytest.raises(ResourceNotFoundError):
        ml.online_deployments.get("blue", endpoint)
    with pytest.raises(HttpResponseError):
        ml.online_deployments.begin_delete("green", endpoint).result()


def test_delete_takes_deployments_along(ml, unique):
    name = unique("ep")
    ml.online_endpoints.begin_create_or_update(
        ManagedOnlineEndpoint(name=name, auth_mode="aad_token")
    ).result()
    assert ml.online_endpoints.get(name).auth_mode in ("aad_token", "aadtoken")
    assert ml.online_endpoints.get_keys(name).access_token
    ml.online_endpoints.begin_delete(name).result()
    with pytest.raises(ResourceNotFoundError):
        ml.online_endpoints.get(name)


def test_traffic_that_does_not_add_up(ml, endpoint):
    whole = ml.online_endpoints.get(endpoint)
    whole.traffic = {"nobody": 100}
    with pytest.raises(HttpResponseError):
        ml.online_endpoints.begin_create_or_update(whole).result()
