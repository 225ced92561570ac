"""Fills the SQLite database of an MLflow server that is not running: fill.py DATABASE ARTIFACTS SHAPE-JSON"""

import json
import os
import random
import sqlite3
import sys
import uuid

from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

database, artifacts, shape = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
store = SqlAlchemyStore(f"sqlite:///{database}", "mlflow-artifacts:/")
experiments = [store.create_experiment(f"team-{i:02d}") for i in range(shape["experiments"])]
store.engine.dispose()

rng = random.Random(shape.get("seed", 1))
db = sqlite3.connect(database)
db.execute("pragma synchronous = off")
known = {row[1] for row in db.execute("pragma table_info(runs)")}
statuses = ["FINISHED"] * 8 + ["FAILED", "KILLED"]
began = 1_700_000_000_000

for n in range(shape["runs"]):
    run = uuid.UUID(int=rng.getrandbits(128)).hex
    experiment = experiments[n % len(experiments)]
    start = began + n * 7_919
    row = {
        "run_uuid": run,
        "name": f"run-{n:06d}",
        "source_type": "UNKNOWN",
        "source_name": "",
        "entry_point_name": "",
        "user_id": "trainer",
        "status": statuses[n % len(statuses)],
        "start_time": start,
        "end_time": start + 3_600_123 + n,
        "source_version": "",
        "lifecycle_stage": "active",
        "artifact_uri": f"mlflow-artifacts:/{experiment}/{run}/artifacts",
        "experiment_id": int(experiment),
    }
    row = {key: value for key, value in row.items() if key in known}
    db.execute(
        f"insert into runs ({', '.join(row)}) values ({', '.join('?' * len(row))})", tuple(row.values())
    )
    params = [(f"p{i}", f"value {rng.random()}", run) for i in range(10)]
    db.executemany("insert into params (key, value, run_uuid) values (?, ?, ?)", params)
    tags = [("mlflow.runName", f"run-{n:06d}", run), ("mlflow.user", "trainer", run)]
    tags += [(f"tag{i}", f"Größe {rng.random()}", run) for i in range(3)]
    db.executemany("insert into tags (key, value, run_uuid) values (?, ?, ?)", tags)
    for m in range(shape["metrics"]):
        key = f"metric-{m:02d}"
        points = []
        for step in range(shape["points"]):
            is_nan = rng.random() < 0.001
            value = 0.0 if is_nan else rng.gauss(0, 1)
            points.append((key, value, start + step * 997, run, step, is_nan))
        db.executemany(
            "insert into metrics (key, value, timestamp, run_uuid, step, is_nan) values (?, ?, ?, ?, ?, ?)",
            points,
        )
        if points:
            db.execute(
                "insert into latest_metrics (key, value, timestamp, run_uuid, step, is_nan)"
                " values (?, ?, ?, ?, ?, ?)",
                points[-1],
            )
    for f in range(shape["artifacts"]):
        path = os.path.join(artifacts, experiment, run, "artifacts", "model" if f % 2 else "", f"part-{f:02d}.bin")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(rng.randbytes(shape["artifactBytes"]))
db.commit()
print(json.dumps({"runs": shape["runs"]}))
