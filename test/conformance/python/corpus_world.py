"""What a specification takes for granted: files beside it, computes, other assets, endpoints."""

import re
import shutil
import uuid
from pathlib import Path

import yaml
from azure.ai.ml import MLClient
from azure.ai.ml.entities import (
    AmlCompute,
    BatchEndpoint,
    CommandComponent,
    Data,
    Environment,
    KubernetesCompute,
    KubernetesOnlineEndpoint,
    ManagedOnlineEndpoint,
    Model,
    Workspace,
)

SUBSCRIPTION = "5f08d643-1910-4a38-a7c7-84a39d4f42e0"
GROUP = "corpus"
KUBERNETES = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
    "/providers/Microsoft.ContainerService/managedClusters/aks"
)
# Fields that name a file or folder beside the specification.
PATHS = {"code", "path", "conda_file", "scoring_script", "local_path", "dockerfile_path"}


class World:
    """A copy of the specifications, in which missing things are made up where they are missed."""

    most_mends = 40

    def __init__(self, credential, folder, scratch):
        self.credential = credential
        self.root = scratch / "specifications"
        shutil.copytree(folder, self.root)
        self.client = self.new_workspace()

    def new_workspace(self):
        name = f"corpus-{uuid.uuid4().hex[:8]}"
        client = MLClient(self.credential, SUBSCRIPTION, GROUP, name, show_progress=False)
        client.workspaces.begin_create(Workspace(name=name, location="eastus")).result()
        return client

    def create(self, perform, path):
        make_up_files(path)
        mended = set()
        for _ in range(self.most_mends):
            try:
                return perform(self, path)
            except BaseException as error:
                what = self.mend(str(error))
                if what is None or what in mended:
                    raise
                mended.add(what)
        raise RuntimeError("too many things are missing")

    def mend(self, text):
        """Makes up what an error says is missing; returns its name, None when it says nothing such."""
        compute = re.search(r"compute '?([\w.-]+)'? does not exist|computes/([\w.-]+)'", text)
        if compute:
            return self.compute(compute[1] or compute[2])
        asset = re.search(r"workspaces/[^/]+/(\w+)/([^/'\" ]+)(?:/versions/([^/'\" ]+))?'", text)
        if asset:
            return self.asset(*asset.groups())
        missing = re.search(r"No such (?:file or )?directory: ([^\n]+)", text) or re.search(
            r"File path does not match asset type uri_\w+: ([^\n]+)", text
        )
        if missing:
            return self.file(missing[1].strip().strip("'\"."))
        if "cannot be updated" in text or "already linked to an asset" in text:
            # Another specification has this name and version; each has a workspace in mind.
            self.client = self.new_workspace()
            return "workspace"
        return None

    def compute(self, name):
        if "k8s" in name or "aks" in name or "kube" in name:
            made = KubernetesCompute(name=name, resource_id=KUBERNETES, namespace="default")
        else:
            made = AmlCompute(name=name, size="Standard_DS3_v2", min_instances=0, max_instances=8)
        self.client.compute.begin_create_or_update(made).result()
        return f"compute {name}"

    def asset(self, kind, name, version):
        version = None if version in (None, "latest", "azureml_default") else version
        place = "azureml://datastores/workspaceblobstore/paths/made-up"
        if kind == "environments":
            made = Environment(name=name, version=version or "1", image="made-up")
            self.client.environments.create_or_update(made)
        elif kind == "models":
            self.client.models.create_or_update(
                Model(name=name, version=version or "1", path=place)
            )
        elif kind == "data":
            made = Data(name=name, version=version or "1", path=place, type="uri_folder")
            self.client.data.create_or_update(made)
        elif kind == "components":
            made = CommandComponent(
                name=name, version=version or "1", command="true", environment="made-up:1"
            )
            self.asset("environments", "made-up", "1")
            self.client.components.create_or_update(made)
        elif kind == "onlineEndpoints":
            self.endpoint(ManagedOnlineEndpoint(name=name, auth_mode="key"))
        else:
            return None
        return f"{kind} {name} {version}"

    def file(self, name):
        path = Path(name)
        if self.root not in path.parents:
            return None
        make_up(path)
        return name

    def prepare(self, entity):
        """Nothing by default: what is missing is found by trying."""

    def endpoint(self, endpoint):
        self.client.online_endpoints.begin_create_or_update(endpoint).result()

    def online_endpoint(self, deployment):
        if type(deployment).__name__.startswith("Kubernetes"):
            self.compute("k8s")
            self.endpoint(
                KubernetesOnlineEndpoint(
                    name=deployment.endpoint_name, compute="k8s", auth_mode="key"
                )
            )
        else:
            self.endpoint(ManagedOnlineEndpoint(name=deployment.endpoint_name, auth_mode="key"))

    def batch_endpoint(self, deployment):
        self.client.batch_endpoints.begin_create_or_update(
            BatchEndpoint(name=deployment.endpoint_name)
        ).result()


def make_up_files(path):
    """Files and folders that a specification names and that are not there."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError:
        return
    for field, value in named_values(document):
        if field not in PATHS or not isinstance(value, str) or is_remote(value):
            continue
        if field == "dockerfile_path" or field == "scoring_script":
            continue
        make_up(path.parent / value)


def named_values(node, field=None):
    if isinstance(node, dict):
        for key, value in node.items():
            yield from named_values(value, key)
    elif isinstance(node, list):
        for value in node:
            yield from named_values(value, field)
    else:
        yield field, node


def is_remote(value):
    return bool(re.match(r"^(\w[\w+.-]*:|//|<|\$|git\+)", value)) or "${{" in value or value == ""


def make_up(path):
    path = Path(path)
    if path.exists():
        if path.is_dir() and not any(one.is_file() for one in path.rglob("*")):
            (path / "made-up.txt").write_text("made up\n")
        return
    is_file = bool(re.match(r"^\.[A-Za-z0-9]+$", path.suffix)) and path.suffix != ".mlflow"
    if is_file:
        path.parent.mkdir(parents=True, exist_ok=True)
        text = "channels: []\ndependencies: [python]\n" if path.suffix in (".yml", ".yaml") else "made up\n"
        path.write_text(text)
    else:
        path.mkdir(parents=True, exist_ok=True)
        (path / "made-up.txt").write_text("made up\n")
        (path / "MLTable").write_text("paths:\n  - file: ./made-up.txt\n")
