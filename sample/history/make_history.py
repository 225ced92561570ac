"""Fills a workspace with past runs, through the MLflow REST API and nothing but Python's standard library.

    MLFLOW_TRACKING_URI=https://…/mlflow/v1.0/subscriptions/… MLFLOW_TRACKING_TOKEN=… \
    MLFLOW_TRACKING_SERVER_CERT_PATH=ca.pem python3 make_history.py --runs 300

Every run has parameters, tags, three metric series, times in the past and one artifact; every tenth is a
parent of the nine that follow it. The content depends on --seed only.
"""

import argparse
import http.client
import json
import math
import os
import random
import ssl
import threading
import time
from urllib.parse import urlsplit


class Tracking:
    """One keep-alive connection to a tracking server."""

    def __init__(self):
        uri = urlsplit(os.environ["MLFLOW_TRACKING_URI"])
        self.base = uri.path.rstrip("/")
        context = ssl.create_default_context(cafile=os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH"))
        self.connection = http.client.HTTPSConnection(uri.hostname, uri.port, context=context, timeout=30)
        self.headers = {
            "Authorization": "Bearer " + os.environ["MLFLOW_TRACKING_TOKEN"],
            "Content-Type": "application/json",
        }

    def send(self, method, path, body, content_type=None):
        headers = dict(self.headers)
        if content_type:
            headers["Content-Type"] = content_type
        self.connection.request(method, self.base + path, body, headers)
        answer = self.connection.getresponse()
        data = answer.read()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: HTTP {answer.status} {data[:300]!r}")
        return json.loads(data) if data else {}

    def post(self, operation, body):
        return self.send("POST", "/api/2.0/mlflow/" + operation, json.dumps(body))


def experiment(tracking, name):
    try:
        return tracking.post("experiments/create", {"name": name})["experiment_id"]
    except RuntimeError:
        found = tracking.send("GET", f"/api/2.0/mlflow/experiments/get-by-name?experiment_name={name}", None)
        return found["experiment"]["experiment_id"]


def one_run(tracking, experiment_id, number, seed, start_ms, parent):
    rng = random.Random(f"{seed}-{number}")
    rate = 10 ** rng.uniform(-4, -1)
    tags = [
        {"key": "mlflow.runName", "value": f"fraud-{number:04d}"},
        {"key": "team", "value": rng.choice(["payments", "cards", "risk"])},
        {"key": "note", "value": "überprüft ✓ 🟢" if number % 7 == 0 else "routine"},
    ]
    if parent:
        tags.append({"key": "mlflow.parentRunId", "value": parent})
    run = tracking.post("runs/create", {"experiment_id": experiment_id, "start_time": start_ms, "tags": tags})
    run_id = run["run"]["info"]["run_id"]
    # mlflow-artifacts:/… names a folder behind the tracking server's own artifact proxy.
    folder = run["run"]["info"]["artifact_uri"].removeprefix("mlflow-artifacts:/")
    points = 20
    loss = 1.0
    metrics = []
    for step in range(points):
        loss *= 1 - min(0.4, rate * 8) + rng.uniform(-0.02, 0.02)
        at = start_ms + step * 1500
        metrics.append({"key": "loss", "value": loss, "timestamp": at, "step": step})
        metrics.append({"key": "auc", "value": 1 - loss / 2, "timestamp": at, "step": step})
        # A diverged run logs what a diverged run logs; replication has to carry it as it is.
        diverged = number % 25 == 24 and step > 15
        metrics.append({"key": "grad_norm", "value": "NaN" if diverged else math.exp(-step / 5), "timestamp": at, "step": step})
    tracking.post(
        "runs/log-batch",
        {
            "run_id": run_id,
            "params": [{"key": "learning_rate", "value": repr(rate)}, {"key": "depth", "value": str(rng.randint(2, 9))}],
            "metrics": metrics,
        },
    )
    report = json.dumps({"run": number, "loss": loss}).encode()
    tracking.send("PUT", f"/api/2.0/mlflow-artifacts/artifacts/{folder}/report.json", report, "application/octet-stream")
    status = "FAILED" if number % 25 == 24 else "FINISHED"
    tracking.post("runs/update", {"run_id": run_id, "status": status, "end_time": start_ms + points * 1500})
    return run_id


def worker(jobs, results, seed, lock):
    tracking = Tracking()
    ids = {}
    while True:
        with lock:
            group = jobs.pop() if jobs else None
        if group is None:
            return
        experiment_id, start, numbers = group
        parent = None
        for offset, number in enumerate(numbers):
            run_id = one_run(tracking, experiment_id, number, seed, start + offset * 60_000, parent)
            parent = parent or run_id
            ids[number] = run_id
        with lock:
            results.append(len(numbers))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--threads", type=int, default=4)
    options = parser.parse_args()
    tracking = Tracking()
    experiments = [experiment(tracking, name) for name in ("fraud-baseline", "fraud-search")]
    month_ago = int(time.time() * 1000) - 30 * 24 * 3600 * 1000
    jobs = []
    for first in range(0, options.runs, 10):
        numbers = list(range(first, min(first + 10, options.runs)))
        jobs.append((experiments[(first // 10) % 2], month_ago + first * 600_000, numbers))
    results, lock = [], threading.Lock()
    threads = [threading.Thread(target=worker, args=(jobs, results, options.seed, lock)) for _ in range(options.threads)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = sum(results)
    if made != options.runs:
        raise SystemExit(f"only {made} of {options.runs} runs were made; see the error above")
    print(json.dumps({"runs": made, "experiments": 2}))


if __name__ == "__main__":
    main()
