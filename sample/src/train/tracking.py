"""The part of MLflow tracking that train.py needs, with the standard library only."""

import http.client
import json
import os
import ssl
import time
from urllib.parse import urlsplit


class Tracking:
    """Logs to the run this job is (MLFLOW_RUN_ID). A lost call is repeated, then raised: a metric that
    was not logged must not look logged."""

    def __init__(self, attempts=5):
        self.uri = os.environ.get("MLFLOW_TRACKING_URI")
        self.run_id = os.environ.get("MLFLOW_RUN_ID")
        self.attempts = attempts
        self.connection = None

    def _connect(self):
        uri = urlsplit(self.uri)
        context = ssl.create_default_context(cafile=os.environ.get("MLFLOW_TRACKING_SERVER_CERT_PATH"))
        return http.client.HTTPSConnection(uri.hostname, uri.port, context=context, timeout=10)

    def post(self, operation, body):
        if not self.uri:
            return
        path = urlsplit(self.uri).path.rstrip("/") + "/api/2.0/mlflow/" + operation
        headers = {"Authorization": "Bearer " + os.environ.get("MLFLOW_TRACKING_TOKEN", ""), "Content-Type": "application/json"}
        for attempt in range(self.attempts):
            try:
                self.connection = self.connection or self._connect()
                self.connection.request("POST", path, json.dumps(body), headers)
                answer = self.connection.getresponse()
                data = answer.read()
                if answer.status < 400:
                    return
                if answer.status < 500 and answer.status != 429:
                    raise RuntimeError(f"{operation}: HTTP {answer.status} {data[:200]!r}")
                problem = RuntimeError(f"{operation}: HTTP {answer.status}")
            except (OSError, http.client.HTTPException) as error:
                problem = error
            if self.connection:
                self.connection.close()
            self.connection = None
            if attempt + 1 == self.attempts:
                raise problem
            time.sleep(0.2 * 2**attempt)

    def params(self, values):
        self.post("runs/log-batch", {"run_id": self.run_id, "params": [{"key": k, "value": str(v)} for k, v in values.items()]})

    def metrics(self, step, values):
        now = int(time.time() * 1000)
        self.post(
            "runs/log-batch",
            {"run_id": self.run_id, "metrics": [{"key": k, "value": v, "timestamp": now, "step": step} for k, v in values.items()]},
        )
