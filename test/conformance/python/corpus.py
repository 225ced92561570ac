"""Creates every specification of a folder with the official client: load_* and create_or_update.

Prints a table of kinds, then every specification that did not succeed with the reason. What a
specification refers to and the folder does not hold (data, other assets, other specifications'
endpoints) is made up first, as its author would have it in place.
"""

import argparse
import collections
import json
import logging
import os
import re
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

import yaml

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)

from azure.ai.ml import (  # noqa: E402
    load_batch_deployment,
    load_batch_endpoint,
    load_component,
    load_compute,
    load_connection,
    load_data,
    load_datastore,
    load_environment,
    load_feature_set,
    load_feature_store,
    load_feature_store_entity,
    load_index,
    load_job,
    load_model,
    load_model_package,
    load_online_deployment,
    load_online_endpoint,
    load_workspace,
)
from azure.ai.ml.entities._load_functions import (  # noqa: E402
    load_model_batch_deployment,
    load_pipeline_component_batch_deployment,
    load_schedule,
)
from azure.identity import DefaultAzureCredential  # noqa: E402

from corpus_world import World  # noqa: E402

SCHEMA = re.compile(r"^\s*\"?\$schema\"?:\s*[\"']?([^\"'\s]+)", re.MULTILINE)


def plain(group, load, create="create_or_update"):
    """Load with this function, create with this operation group."""

    def perform(world, path):
        entity = load(path)
        world.prepare(entity)
        made = getattr(getattr(world.client, group), create)(entity)
        return made.result() if create.startswith("begin_") else made

    return perform


def overrides(path, names):
    """What the command line adds where a specification leaves a name out or to be filled in."""
    document = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    return [
        {name: value}
        for name, value in names.items()
        if document.get(name) is None or "<" in str(document[name])
    ]


def online_deployment(world, path):
    named = overrides(path, {"endpoint_name": "made-up", "name": "blue"})
    entity = load_online_deployment(path, params_override=named)
    world.online_endpoint(entity)
    return world.client.online_deployments.begin_create_or_update(
        entity, skip_script_validation=True
    ).result()


def online_endpoint(world, path):
    entity = load_online_endpoint(path, params_override=overrides(path, {"name": "made-up"}))
    return world.client.online_endpoints.begin_create_or_update(entity).result()


def batch_deployment(world, path):
    text = path.read_text()
    names = {"endpoint_name": "made-up-batch", "name": "first"}
    if "type: pipeline" in text:
        load = load_pipeline_component_batch_deployment
    else:
        load = load_model_batch_deployment if "\nsettings:" in text else load_batch_deployment
        names["compute"] = "azureml:cpu-cluster"
    named = overrides(path, names)
    entity = load(path, params_override=named)
    world.batch_endpoint(entity)
    return world.client.batch_deployments.begin_create_or_update(
        entity, skip_script_validation=True
    ).result()


def package(world, path):
    request = load_model_package(path)
    return world.client.models.package("packaged", "1", request)


JOB = plain("jobs", load_job)
COMPONENT = plain("components", load_component)
COMPUTE = plain("compute", load_compute, "begin_create_or_update")
DATASTORE = plain("datastores", load_datastore)
SCHEDULE = plain("schedules", load_schedule, "begin_create_or_update")
KINDS = {
    "pipelinejob": JOB,
    "commandjob": JOB,
    "sweepjob": JOB,
    "sparkjob": JOB,
    "automljob": JOB,
    "commandcomponent": COMPONENT,
    "pipelinecomponent": COMPONENT,
    "sparkcomponent": COMPONENT,
    "managedonlinedeployment": online_deployment,
    "kubernetesonlinedeployment": online_deployment,
    "managedonlineendpoint": online_endpoint,
    "kubernetesonlineendpoint": online_endpoint,
    "batchendpoint": plain("batch_endpoints", load_batch_endpoint, "begin_create_or_update"),
    "batchdeployment": batch_deployment,
    "modelbatchdeployment": batch_deployment,
    "pipelinecomponentbatchdeployment": batch_deployment,
    "data": plain("data", load_data),
    "environment": plain("environments", load_environment),
    "model": plain("models", load_model),
    "amlcompute": COMPUTE,
    "computeinstance": COMPUTE,
    "vmcompute": COMPUTE,
    "azureblob": DATASTORE,
    "azurefile": DATASTORE,
    "azuredatalakegen1": DATASTORE,
    "azuredatalakegen2": DATASTORE,
    "schedule": SCHEDULE,
    "workspace": plain("workspaces", load_workspace, "begin_create"),
    "connection": plain("connections", load_connection),
    "featureset": plain("feature_sets", load_feature_set, "begin_create_or_update"),
    "featurestoreentity": plain(
        "feature_store_entities", load_feature_store_entity, "begin_create_or_update"
    ),
    "featurestore": plain("feature_stores", load_feature_store, "begin_create"),
    "dataindex": plain("indexes", load_index),
    "modelversionpackage": package,
}


def specifications(root):
    for path in sorted(Path(root).rglob("*")):
        if path.suffix in (".yml", ".yaml") and path.is_file():
            schema = SCHEMA.search(path.read_text(encoding="utf-8", errors="replace"))
            if schema:
                kind = re.sub(r"(\.schema)?\.json$", "", schema[1].rsplit("/", 1)[1])
                yield path, kind


def reason_of(error):
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error)) or type(error).__name__
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    interesting = [line for line in lines if re.search(r"message|Error|error|not|\(", line)]
    return " ".join((interesting or lines)[:3])[:400]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--report")
    parser.add_argument("--only", default="")
    parser.add_argument("--again", help="only what failed in this report")
    parser.add_argument("--trace", action="store_true")
    options = parser.parse_args()
    credential = DefaultAzureCredential()
    reasons = json.loads((Path(__file__).parent / "corpus-refusals.json").read_text())
    results = []
    again = failed_before(options.again) if options.again else None
    with tempfile.TemporaryDirectory() as scratch:
        world = World(credential, Path(options.folder), Path(scratch).resolve())
        for path, kind in specifications(world.root):
            relative = path.relative_to(world.root).as_posix()
            if options.only not in f"{relative} {kind}" or again and relative not in again:
                continue
            results.append(attempt(world, path, relative, kind, options.trace))
    print_table(results)
    unexplained = print_failures(results, reasons)
    if options.report:
        Path(options.report).write_text(json.dumps(results, indent=1))
    sys.exit(1 if unexplained else 0)


def attempt(world, path, relative, kind, trace):
    started = time.monotonic()
    result = {"path": relative, "kind": kind, "outcome": "created"}
    perform = KINDS.get(kind.lower())
    stdout, stderr = sys.stdout, sys.stderr
    try:
        if perform is None:
            raise NotImplementedError(f"the client has no load function for {kind}")
        sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")
        world.create(perform, path)
    except BaseException as error:  # the client raises SystemExit and worse
        if isinstance(error, KeyboardInterrupt):
            raise
        result["outcome"] = "failed"
        result["reason"] = reason_of(error)
        result["error"] = type(error).__name__
        if trace:
            result["trace"] = traceback.format_exc()
    finally:
        sys.stdout, sys.stderr = stdout, stderr
    result["seconds"] = round(time.monotonic() - started, 2)
    return result


def failed_before(report):
    results = json.loads(Path(report).read_text())
    return {result["path"] for result in results if result["outcome"] != "created"}


def print_table(results, good="created"):
    kinds = collections.defaultdict(collections.Counter)
    for result in results:
        kinds[result["kind"]][result["outcome"]] += 1
    print(f"{'kind':<36} {good:>8} {'failed':>8} {'all':>6}")
    for kind, counts in sorted(kinds.items(), key=lambda item: -sum(item[1].values())):
        print(f"{kind:<36} {counts[good]:>8} {counts['failed']:>8} {sum(counts.values()):>6}")
    created = sum(result["outcome"] == good for result in results)
    print(f"{'all':<36} {created:>8} {len(results) - created:>8} {len(results):>6}")


WHO = {
    "client": "the client refuses it before Azure sees it",
    "azure": "Azure refuses it too",
    "region": "the local region cannot",
}


def print_failures(results, reasons, good="created"):
    """Each failure with its reason; returns how many have none."""
    counts = collections.Counter()
    for result in results:
        if result["outcome"] == good:
            continue
        told = f"{result['path']} {result['reason']}"
        known = next((one for one in reasons if re.search(one["match"], told)), None)
        counts[known["who"] if known else "unexplained"] += 1
        print(f"\n{result['path']} ({result['kind']})\n  {result['error']}: {result['reason']}")
        print(f"  {WHO[known['who']]}: {known['why']}" if known else "  UNEXPLAINED")
        if "trace" in result:
            print(result["trace"])
    print("\n" + ", ".join(f"{who}: {count}" for who, count in sorted(counts.items())))
    return counts["unexplained"]


if __name__ == "__main__":
    main()
