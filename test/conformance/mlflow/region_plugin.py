"""Runs MLflow's own REST tests against a workspace of a local region, the tests unchanged.

The suite starts an MLflow server for each test and talks plain HTTP to it. This pytest plugin puts a
relay in that server's place: it answers `/health`, and sends everything else to a workspace of the
region, with a token. Every test gets a workspace of its own, so that it finds what a fresh server has.

A test that sends nothing to the region says nothing about it: such tests are reported as `local`.
"""

import contextlib
import http.client
import json
import os
import ssl
import threading
import time
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import mlflow
import pytest

ENV = json.loads(os.environ["HOLDFAST_REGION_ENV"])
REPORT = os.environ["HOLDFAST_SUITE_REPORT"]
PROVIDER = "providers/Microsoft.MachineLearningServices/workspaces"
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "host", "content-length"}


class Region:
    """Signs in, and makes workspaces."""

    def __init__(self):
        self.tls = ssl.create_default_context(cafile=ENV["caFile"])
        self.host = urllib.parse.urlsplit(ENV["resourceManager"]).netloc
        self._token, self._until, self._made = "", 0.0, 0

    def token(self):
        if time.time() > self._until:
            with open(ENV["clientSecretFile"], encoding="utf-8") as file:
                secret = file.read()
            form = {
                "grant_type": "client_credentials",
                "client_id": ENV["clientId"],
                "client_secret": secret,
                "scope": "https://management.azure.com/.default",
            }
            url = f"{ENV['authority']}/{ENV['tenantId']}/oauth2/v2.0/token"
            data = urllib.parse.urlencode(form).encode()
            with urllib.request.urlopen(url, data, context=self.tls) as answer:
                body = json.load(answer)
            self._token, self._until = body["access_token"], time.time() + body["expires_in"] / 2
        return self._token

    def call(self, method, path, body=None, headers=None):
        connection = http.client.HTTPSConnection(self.host, context=self.tls, timeout=60)
        sent = {**(headers or {}), "Authorization": f"Bearer {self.token()}"}
        connection.request(method, path, body=body, headers=sent)
        return connection, connection.getresponse()

    def make_workspace(self):
        self._made += 1
        path = f"/subscriptions/s1/resourceGroups/mlflow/{PROVIDER}/suite{self._made}"
        url = f"{path}?api-version=2025-12-01"
        body = json.dumps({"location": ENV["name"], "properties": {}})
        self._end(*self.call("PUT", url, body, {"Content-Type": "application/json"}))
        deadline = time.time() + 30
        while True:
            found = self._end(*self.call("GET", url))
            if found.get("properties", {}).get("provisioningState") == "Succeeded":
                return path
            if time.time() > deadline:
                raise TimeoutError(f"the workspace {path} does not become ready: {found}")
            time.sleep(0.02)

    @staticmethod
    def _end(connection, answer):
        text = answer.read()
        connection.close()
        if answer.status >= 300:
            raise RuntimeError(f"{answer.status}: {text[:500]!r}")
        return json.loads(text or b"{}")


region = Region()
forwarded = []  # (method, path, status) of the test that runs


def relay_to(workspace):
    class Relay(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            """The report says what was sent."""

        def relay(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.path == "/health":
                return self.answer(200, [("Content-Type", "text/plain")], b"OK")
            headers = {k: v for k, v in self.headers.items() if k.lower() not in HOP_BY_HOP}
            path = f"/mlflow/v1.0{workspace}{self.path}"
            connection, found = region.call(self.command, path, body, headers)
            content = found.read()
            connection.close()
            forwarded.append((self.command, self.path.split("?")[0], found.status))
            kept = [(k, v) for k, v in found.getheaders() if k.lower() not in HOP_BY_HOP]
            return self.answer(found.status, kept, content)

        def answer(self, status, headers, body):
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = relay

    return Relay


@contextlib.contextmanager
def served(*_args, **_kwargs):
    """In the place of `ServerThread(app, port)` and of `_init_server(...)`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), relay_to(region.make_workspace()))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    # The suite's client and server share a database file; here the client has to be told the server.
    mlflow.set_tracking_uri(url)
    try:
        yield url
    finally:
        server.shutdown()
        server.server_close()


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session):
    """Before the test modules are imported, which take these names with them."""
    from tests.tracking import integration_test_utils

    integration_test_utils.ServerThread = served
    integration_test_utils._init_server = served


def pytest_collection_modifyitems(config, items):
    """`file` and `sqlalchemy` are two stores of MLflow's server; the region has one of its own."""
    doubles = [item for item in items if "[file" in item.nodeid or "-file]" in item.nodeid]
    config.hook.pytest_deselected(items=doubles)
    items[:] = [item for item in items if item not in doubles]


outcomes = {}


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logstart(nodeid, location):
    forwarded.clear()


def pytest_runtest_logreport(report):
    known = outcomes.setdefault(report.nodeid, {"outcome": "passed"})
    if report.outcome != "passed" and known["outcome"] == "passed":
        known["outcome"] = report.outcome
        known["why"] = why(report)
    if report.when == "teardown":
        known["calls"] = len(forwarded)
        known["refused"] = sorted({f"{m} {p}" for m, p, status in forwarded if status == 501})


def why(report):
    crash = getattr(report.longrepr, "reprcrash", None)
    return (crash.message if crash else str(report.longrepr)).strip()[:600]


def pytest_sessionfinish(session):
    with open(REPORT, "w", encoding="utf-8") as file:
        json.dump(outcomes, file, indent=1)
