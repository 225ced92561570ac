"""What a specification takes for granted: files beside it, computes, other assets, endpoints."""

import os
import re
import shutil
import uuid
from pathlib import Path

import yaml
from azure.ai.ml import MLClient
from azure.ai.ml.entities import (
    AmlCompute,
    BatchEndpoint,
    CodeConfiguration,
    CommandComponent,
    Data,
    DataCollector,
    DeploymentCollection,
    Environment,
    KubernetesCompute,
    KubernetesOnlineEndpoint,
    ManagedOnlineDeployment,
    ManagedOnlineEndpoint,
    Model,
    Workspace,
)
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.blob import BlobServiceClient

SUBSCRIPTION = "5f08d643-1910-4a38-a7c7-84a39d4f42e0"
GROUP = "corpus"
KUBERNETES = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{GROUP}"
    "/providers/Microsoft.ContainerService/managedClusters/aks"
)
# Fields that name a file or folder beside the specification.
PATHS = {"code", "path", "conda_file", "local_path", "additional_includes"}
SCORING = """def init():
    pass


def run(raw):
    return raw
"""
FEATURES = """source:
  type: parquet
  path: abfss://made@up.dfs.core.windows.net/up
  timestamp_column:
    name: timestamp
features:
  - name: amount
    type: double
index_columns:
  - name: id
    type: string
"""

MISSING = (
    r"No such (?:file or )?directory: ([^\n]+)",
    r"File path does not match asset type uri_\w+: ([^\n]+)",
    r"resolved absolute path: ([^;\n]+)",
    r"Entry (\S+) doesn't exist",
    r"Unable to find additional include ([^\s,]+)",
)


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
        fill_in(path)
        make_up_files(path)
        self.make_up_bytes(path)
        os.chdir(path.parent)
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

    def make_up_bytes(self, path):
        """What an export names in the storage of a workspace: it holds no bytes itself."""
        for value in set(stored_paths(path)):
            self.blob(value if Path(value).suffix else f"{value.rstrip('/')}/made-up.txt", "made up\n")
            if value.rstrip("/").endswith("spec"):
                self.blob(f"{value.rstrip('/')}/FeatureSetSpec.yaml", FEATURES)

    def blob(self, name, text):
        store = self.client.datastores.get("workspaceblobstore", include_secrets=True)
        keys = store.credentials
        service = BlobServiceClient(
            f"https://{store.account_name}.blob.{store.endpoint}",
            getattr(keys, "account_key", None) or keys.sas_token,
        )
        blob = service.get_blob_client(store.container_name, name)
        if not blob.exists():
            blob.upload_blob(text)

    def mend(self, text):
        """Makes up what an error says is missing; returns its name, None when it says nothing such."""
        compute = re.search(r"compute '?([\w.-]+)'? does not exist|computes/([\w.-]+)'", text)
        if compute:
            return self.compute(compute[1] or compute[2])
        deployment = re.search(r"onlineEndpoints/([^/'\" ]+)/deployments/([^/'\" ]+)'", text)
        if deployment:
            return self.deployment(*deployment.groups())
        asset = re.search(r"workspaces/[^/]+/(\w+)/([^/'\" ]+)(?:/versions/([^/'\" ]+))?'", text)
        if asset:
            return self.asset(*asset.groups())
        unlabelled = re.search(r"parsing asset ([\w-]+)@latest of type (\w+)", text)
        if unlabelled:
            return self.asset(unlabelled[2], unlabelled[1], None)
        unknown = re.search(r"Asset ([\w-]+) does not exist", text)
        if unknown:
            return self.asset("data", unknown[1], None)
        missing = next(filter(None, (re.search(one, text) for one in MISSING)), None)
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
        place = str(self.root / "made-up-asset")
        make_up(place)
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
            if not any(one.version == made.version for one in self.versions(name)):
                self.client.components.create_or_update(made)
        elif kind == "onlineEndpoints":
            self.endpoint(ManagedOnlineEndpoint(name=name, auth_mode="key"))
        else:
            return None
        return f"{kind} {name} {version}"

    def versions(self, component):
        try:
            return list(self.client.components.list(name=component))
        except ResourceNotFoundError:
            return []

    def deployment(self, endpoint, name):
        """One that collects data, as monitors need it."""
        self.endpoint(ManagedOnlineEndpoint(name=endpoint, auth_mode="key"))
        code = self.root / "made-up-code"
        code.mkdir(exist_ok=True)
        (code / "score.py").write_text(SCORING)
        self.asset("environments", "made-up", "1")
        collected = {
            one: DeploymentCollection(enabled="true") for one in ("model_inputs", "model_outputs")
        }
        made = ManagedOnlineDeployment(
            name=name,
            endpoint_name=endpoint,
            code_configuration=CodeConfiguration(code=str(code), scoring_script="score.py"),
            environment="azureml:made-up:1",
            instance_type="Standard_DS3_v2",
            instance_count=1,
            data_collector=DataCollector(collections=collected),
        )
        self.client.online_deployments.begin_create_or_update(made).result()
        return f"deployment {endpoint} {name}"

    def file(self, name):
        path = Path(name).resolve()
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


def fill_in(path):
    """Places that the examples' scripts or their readers fill in: `{{NAME}}` and `<NAME>`."""
    text = path.read_text(encoding="utf-8")
    filled = re.sub(r"\{\{ *(\w+) *\}\}|<([A-Za-z][\w :.-]*)>|\{(sub-id|rg|[\w-]+-name)\}", filling, text)
    if filled != text:
        path.write_text(filled, encoding="utf-8")


def filling(match):
    name = next(filter(None, match.groups())).lower()
    if "sub" in name and "id" in name:
        return SUBSCRIPTION
    if "version" in name:
        return "1"
    if "compute" in name:
        return "cpu-cluster"
    return re.sub(r"[^a-z0-9]+", "-", name).strip("-")[:20]


def make_up_files(path):
    """Files and folders that a specification names and that are not there."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError:
        return
    for field, value in named_values(document):
        if field in PATHS and isinstance(value, str) and not is_remote(value):
            make_up(path.parent / value)
    for field, node in named_nodes(document):
        if field == "code_configuration" and not is_remote(str(node.get("code", ""))):
            script = path.parent / node["code"] / node["scoring_script"]
            if not script.exists():
                script.parent.mkdir(parents=True, exist_ok=True)
                script.write_text(SCORING)
        if field == "specification" and isinstance(node.get("path"), str):
            spec = path.parent / node["path"] / "FeatureSetSpec.yaml"
            if spec.parent.is_dir() and not spec.exists():
                spec.write_text(FEATURES)


def stored_paths(path):
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError:
        return
    for field, value in named_values(document):
        stored = re.match(r"azureml://datastores/workspaceblobstore/paths/(LocalUpload/.+)", str(value))
        if field == "path" and stored:
            yield stored[1]


def named_nodes(node):
    for key, value in node.items() if isinstance(node, dict) else ():
        if isinstance(value, dict):
            yield key, value
            yield from named_nodes(value)


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
