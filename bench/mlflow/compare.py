"""
Compares two MLflow servers, by MLflow's own client and by their databases, and says what is lost:
compare.py SOURCE-URL SOURCE-DATABASE TARGET-URL TARGET-DATABASE SOURCE-ARTIFACTS TARGET-ARTIFACTS
Runs are matched by name, which the bench makes unique.
"""

import hashlib
import json
import os
import sqlite3
import sys

from mlflow import MlflowClient
from mlflow.entities import ViewType

urls, databases, folders = (sys.argv[1], sys.argv[3]), (sys.argv[2], sys.argv[4]), sys.argv[5:7]
own = ("holdfast.origin.", "mlflow_exim.", "mlflow.user")


def runs_of(url):
    client = MlflowClient(url)
    ids = [e.experiment_id for e in client.search_experiments(view_type=ViewType.ALL)]
    token, found = None, []
    while True:
        page = client.search_runs(ids, run_view_type=ViewType.ALL, max_results=1000, page_token=token)
        found += page
        token = page.token
        if not token:
            return {run.info.run_name: run for run in found}, len(found)


def tags_of(run):
    return {k: v for k, v in run.data.tags.items() if not k.startswith(own[:2]) and k != own[2]}


def points_of(database, run_id):
    rows = database.execute(
        "select key, value, timestamp, step, is_nan from metrics where run_uuid = ?"
        " order by key, timestamp, step, value, is_nan",
        (run_id,),
    ).fetchall()
    return rows


def files_of(folder, run):
    root = os.path.join(folder, run.info.experiment_id, run.info.run_id, "artifacts")
    found = {}
    for path, _, names in os.walk(root):
        for name in names:
            file = os.path.join(path, name)
            with open(file, "rb") as content:
                found[os.path.relpath(file, root)] = hashlib.sha256(content.read()).hexdigest()
    return found


(source, source_count), (target, target_count) = runs_of(urls[0]), runs_of(urls[1])
here, there = (sqlite3.connect(f"file:{d}?mode=ro", uri=True) for d in databases)
equal = dict.fromkeys(["runs", "params", "tags", "startTime", "endTime", "status", "series", "artifacts"], 0)
points = {"source": 0, "equal": 0}
for name, run in source.items():
    copy = target.get(name)
    rows = points_of(here, run.info.run_id)
    points["source"] += len(rows)
    if copy is None:
        continue
    equal["runs"] += 1
    equal["params"] += run.data.params == copy.data.params
    equal["tags"] += tags_of(run) == tags_of(copy)
    equal["startTime"] += run.info.start_time == copy.info.start_time
    equal["endTime"] += run.info.end_time == copy.info.end_time
    equal["status"] += run.info.status == copy.info.status
    copied = points_of(there, copy.info.run_id)
    equal["series"] += rows == copied
    points["equal"] += len(set(rows) & set(copied))
    equal["artifacts"] += files_of(folders[0], run) == files_of(folders[1], copy)

sample = list(source.values())[:: max(1, len(source) // 5)][:5]
clients = [MlflowClient(url) for url in urls]
sampled = {"series": 0, "equal": 0}
for run in sample:
    copy = target.get(run.info.run_name)
    for key in run.data.metrics:
        if copy is None:
            continue
        pair = [
            sorted((m.timestamp, m.step, str(m.value)) for m in client.get_metric_history(one.info.run_id, key))
            for client, one in zip(clients, (run, copy))
        ]
        sampled["series"] += 1
        sampled["equal"] += pair[0] == pair[1]
print(
    json.dumps(
        {
            "sourceRuns": source_count,
            "targetRuns": target_count,
            "equal": equal,
            "points": points,
            "sampledThroughClient": sampled,
            "lossless": target_count == source_count
            and all(n == source_count for n in equal.values())
            and points["source"] == points["equal"],
        }
    )
)
