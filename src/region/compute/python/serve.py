"""Serves one deployment: the scoring script's init() and run() over HTTP/1.1 on a Unix socket.

    python3 serve.py SOCKET CODE_FOLDER SCORING_SCRIPT

Prints one JSON line when init() has returned. The model's folder is in AZUREML_MODEL_DIR, as in Azure ML.
"""

import importlib.util
import json
import os
import socketserver
import sys
import traceback
from http.server import BaseHTTPRequestHandler


def load(code_folder, script):
    path = os.path.join(code_folder, script)  # an absolute path stays as it is
    os.chdir(code_folder)
    for folder in (os.path.dirname(path), code_folder):
        if folder not in sys.path:
            sys.path.insert(0, folder)
    spec = importlib.util.spec_from_file_location("scoring_script", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("init", "run"):
        if not callable(getattr(module, name, None)):
            raise AttributeError(f"{script} has no function {name}()")
    return module


def handler_for(module):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Headers and body leave in one segment each; without it a keep-alive answer waits for an ACK.
        disable_nagle_algorithm = False
        wbufsize = -1

        def do_GET(self):
            self.answer(200, b'{"status":"Healthy"}')

        def do_POST(self):
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length)
            try:
                result = module.run(raw.decode("utf-8"))
                if isinstance(result, bytes):
                    body = result
                elif isinstance(result, str):
                    body = result.encode("utf-8")
                else:
                    body = json.dumps(result).encode("utf-8")
            except Exception as error:
                traceback.print_exc()
                self.answer(500, json.dumps({"message": f"{type(error).__name__}: {error}"}).encode("utf-8"))
                return
            self.answer(200, body)

        def answer(self, status, body):
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()

        def address_string(self):
            return "region"

        def log_request(self, code="-", size="-"):
            pass

    return Handler


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128


def main():
    socket_path, code_folder, script = sys.argv[1:4]
    # A scoring script may print; the ready line must stay alone on the real standard output.
    ready = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    module = load(code_folder, script)
    module.init()
    with Server(socket_path, handler_for(module)) as server:
        ready.write(json.dumps({"ready": True}) + "\n")
        ready.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
