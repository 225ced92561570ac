"""Trains a fraud classifier (logistic regression by gradient descent) and can be interrupted at any moment.

Every --checkpoint-every steps the whole state goes to the checkpoints folder under a name of its own:
written beside it first, renamed when complete. A restart goes on from the newest checkpoint it finds.
"""

import argparse
import csv
import glob
import json
import math
import os
import time

from tracking import Tracking

FEATURES = ["amount", "night", "distance_km", "age_days"]


def read(folder):
    rows, labels = [], []
    path = folder if os.path.isfile(folder) else sorted(glob.glob(os.path.join(folder, "*.csv")))[0]
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            rows.append(
                [
                    math.log1p(float(row["amount"])) / 5,
                    1.0 if int(row["hour"]) < 6 else 0.0,
                    float(row["distance_km"]) / 100,
                    float(row["age_days"]) / 2000,
                ]
            )
            labels.append(int(row["fraud"]))
    return rows, labels


def predict(weights, row):
    return 1 / (1 + math.exp(-(weights[-1] + sum(w * x for w, x in zip(weights, row)))))


def one_pass(weights, rows, labels, rate):
    gradient = [0.0] * len(weights)
    loss = 0.0
    for row, label in zip(rows, labels):
        p = predict(weights, row)
        loss -= math.log(max(p if label else 1 - p, 1e-12))
        for i, x in enumerate(row):
            gradient[i] += (p - label) * x
        gradient[-1] += p - label
    count = len(rows)
    return [w - rate * g / count for w, g in zip(weights, gradient)], loss / count


def accuracy(weights, rows, labels):
    right = sum((predict(weights, row) >= 0.5) == bool(label) for row, label in zip(rows, labels))
    return right / len(rows)


def newest_checkpoint(folder):
    for path in sorted(glob.glob(os.path.join(folder, "step-*.json")), reverse=True):
        try:
            with open(path) as file:
                return json.load(file)
        except (OSError, ValueError):
            print(f"passing over unreadable checkpoint {os.path.basename(path)}")
    return None


def save(path, content):
    partial = path + ".tmp"
    with open(partial, "w") as file:
        json.dump(content, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--checkpoints")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--rate", type=float, default=2.0)
    parser.add_argument("--seconds-per-step", type=float, default=0.0)
    parser.add_argument("--checkpoint-every", type=int, default=10)
    options = parser.parse_args()

    rows, labels = read(options.data)
    tracking = Tracking()
    state = newest_checkpoint(options.checkpoints) if options.checkpoints else None
    weights = state["weights"] if state else [0.0] * (len(FEATURES) + 1)
    first = state["step"] if state else 0
    print(f"{'resuming from checkpoint at' if state else 'starting at'} step {first}", flush=True)
    tracking.params({"steps": options.steps, "rate": options.rate, "first_step": first})
    for step in range(first + 1, options.steps + 1):
        weights, loss = one_pass(weights, rows, labels, options.rate)
        tracking.metrics(step, {"loss": loss, "accuracy": accuracy(weights, rows, labels)})
        if options.checkpoints and (step % options.checkpoint_every == 0 or step == options.steps):
            save(os.path.join(options.checkpoints, f"step-{step:06d}.json"), {"step": step, "weights": weights})
            print(f"checkpoint at step {step}, loss {loss:.4f}", flush=True)
        time.sleep(options.seconds_per_step)
    os.makedirs(options.model, exist_ok=True)
    save(os.path.join(options.model, "model.json"), {"features": FEATURES, "weights": weights, "steps": options.steps})
    print(f"done: {options.steps} steps, accuracy {accuracy(weights, rows, labels):.3f}", flush=True)


if __name__ == "__main__":
    main()
