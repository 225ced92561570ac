"""Scores payments: {"payments": [{"amount": 12.5, "hour": 3, "distance_km": 80, "age_days": 10}]}"""

import json
import math
import os

model = None


def init():
    global model
    with open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model", "model.json")) as file:
        model = json.load(file)


def one(payment):
    x = [
        math.log1p(float(payment["amount"])) / 5,
        1.0 if int(payment["hour"]) < 6 else 0.0,
        float(payment["distance_km"]) / 100,
        float(payment["age_days"]) / 2000,
    ]
    return 1 / (1 + math.exp(-(model["weights"][-1] + sum(w * v for w, v in zip(model["weights"], x)))))


def run(raw_data):
    payments = json.loads(raw_data).get("payments", [])
    return {"fraud": [round(one(payment), 4) for payment in payments]}
