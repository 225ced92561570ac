"""Loads every specification of an export with the official client's load functions.

Nothing is made up and nothing beside the files is asked: an export has to be complete by itself. Each
file is loaded and brought into the form that the client would send, which resolves the files it names.
"""

import argparse
import json
import os
import sys
from pathlib import Path

from corpus import print_failures, print_table, reason_of, specifications

from azure.ai.ml import (
    load_batch_deployment,
    load_batch_endpoint,
    load_component,
    load_compute,
    load_connection,
    load_data,
    load_datastore,
    load_environment,
    load_feature_set,
    load_feature_store_entity,
    load_job,
    load_model,
    load_online_deployment,
    load_online_endpoint,
)
from azure.ai.ml.entities._load_functions import (
    load_model_batch_deployment,
    load_pipeline_component_batch_deployment,
    load_schedule,
)

BY_WORD = {
    "modelbatchdeployment": load_model_batch_deployment,
    "pipelinecomponentbatchdeployment": load_pipeline_component_batch_deployment,
    "batchdeployment": load_batch_deployment,
    "onlinedeployment": load_online_deployment,
    "onlineendpoint": load_online_endpoint,
    "batchendpoint": load_batch_endpoint,
    "job": load_job,
    "component": load_component,
    "compute": load_compute,
    "computeinstance": load_compute,
    "azureblob": load_datastore,
    "azurefile": load_datastore,
    "azuredatalakegen1": load_datastore,
    "azuredatalakegen2": load_datastore,
    "connection": load_connection,
    "data": load_data,
    "environment": load_environment,
    "featureset": load_feature_set,
    "featurestoreentity": load_feature_store_entity,
    "model": load_model,
    "schedule": load_schedule,
}


def loader_of(kind):
    return next((load for word, load in BY_WORD.items() if kind.lower().endswith(word)), None)


def attempt(path, relative, kind):
    result = {"path": relative, "kind": kind, "outcome": "loaded"}
    stdout, stderr = sys.stdout, sys.stderr
    here = os.getcwd()
    try:
        load = loader_of(kind)
        if load is None:
            raise NotImplementedError(f"the client has no load function for {kind}")
        sys.stdout = sys.stderr = open(os.devnull, "w", encoding="utf-8")
        # As people run the client: beside the export, not in its folders.
        load(path)
    except BaseException as error:  # the client raises SystemExit and worse
        if isinstance(error, KeyboardInterrupt):
            raise
        result.update(outcome="failed", reason=reason_of(error), error=type(error).__name__)
    finally:
        sys.stdout, sys.stderr = stdout, stderr
        os.chdir(here)
    return result


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    options = parser.parse_args()
    reasons = json.loads((Path(__file__).parent / "exported-refusals.json").read_text())
    root = Path(options.folder).resolve()
    results = [
        attempt(path, path.relative_to(root).as_posix(), kind)
        for path, kind in specifications(root)
    ]
    if not results:
        sys.exit("there is no specification in this folder")
    print_table(results, "loaded")
    sys.exit(1 if print_failures(results, reasons, "loaded") else 0)


if __name__ == "__main__":
    main()
