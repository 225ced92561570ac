"""Runs the scoring script of a batch deployment over files: init() once, run() for each mini batch.

    python3 batch_scoring.py --output FOLDER [--model PATH] --input PATH...

Settings of the deployment are JSON in AZUREML_BATCH_SETTINGS. Without a scoring script the model is an
MLflow model, and tables and lists in the files are its input.
"""

import argparse
import importlib.util
import json
import os
import sys
import tempfile
import traceback


def load(script):
    path = os.path.abspath(script)
    sys.path.insert(0, os.path.dirname(path))
    sys.path.insert(0, os.getcwd())
    spec = importlib.util.spec_from_file_location("batch_scoring_script", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in ("init", "run"):
        if not callable(getattr(module, name, None)):
            raise AttributeError(f"{script} has no function {name}()")
    return module


def files_of(inputs):
    for path in inputs:
        if os.path.isfile(path):
            yield path
        for folder, folders, names in os.walk(path):
            folders.sort()
            for name in sorted(names):
                yield os.path.join(folder, name)


def rows_of(result):
    """What a mini batch says: rows of a data frame, or the items of a list."""
    if result is None:
        return []
    if hasattr(result, "to_csv"):
        return result.to_csv(index=False, header=False, sep=" ").splitlines()
    if isinstance(result, (str, bytes)):
        raise TypeError("run() must return a list or a data frame, not text")
    return [item if isinstance(item, str) else json.dumps(item, default=str) for item in result]


def attempt(module, batch, tries):
    for number in range(tries):
        try:
            return rows_of(module.run(batch))
        except Exception:
            traceback.print_exc()
            if number + 1 == tries:
                return None


def place_model(path):
    """AZUREML_MODEL_DIR holds the model under its own file or folder name."""
    folder = tempfile.mkdtemp(dir=os.getcwd(), prefix=".model-")
    os.symlink(os.path.abspath(path), os.path.join(folder, os.path.basename(path.rstrip("/"))))
    os.environ["AZUREML_MODEL_DIR"] = folder


class MlflowScoring:
    def init(self):
        import mlflow_scoring

        # Links are not followed by a walk: look behind them.
        root = os.environ["AZUREML_MODEL_DIR"]
        os.environ["AZUREML_MODEL_DIR"] = os.path.realpath(os.path.join(root, os.listdir(root)[0]))
        mlflow_scoring.init()
        self.scoring = mlflow_scoring

    def run(self, batch):
        import pandas

        rows = []
        for path in batch:
            data = pandas.read_parquet(path) if path.endswith(".parquet") else (
                pandas.read_json(path) if path.endswith(".json") else pandas.read_csv(path))
            answers = self.scoring.plain(self.scoring.model.predict(self.scoring.named(data)))
            rows += [f"{row},{json.dumps(answer)},{os.path.basename(path)}" for row, answer in enumerate(answers)]
        return rows


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--output", required=True)
    arguments.add_argument("--model")
    arguments.add_argument("--input", action="append", default=[])
    given = arguments.parse_args()
    settings = json.loads(os.environ["AZUREML_BATCH_SETTINGS"])
    if given.model:
        place_model(given.model)
    script = settings.get("script")
    module = load(script) if script else MlflowScoring()
    module.init()
    files = list(files_of(given.input))
    size, allowed, tries = settings["miniBatchSize"], settings["errorThreshold"], settings["tries"]
    failed = 0
    answers = []
    for start in range(0, len(files), size):
        batch = files[start:start + size]
        rows = attempt(module, batch, tries)
        if rows is None:
            failed += len(batch)
            if 0 <= allowed < failed:
                sys.exit(f"{failed} files failed; the error threshold is {allowed}")
        else:
            answers += rows
        print(f"scored {min(start + size, len(files))} of {len(files)} files, {failed} failed", flush=True)
    if hasattr(module, "shutdown"):
        module.shutdown()
    if settings["outputAction"] == "AppendRow":
        with open(os.path.join(given.output, settings["outputFileName"]), "w") as output:
            output.writelines(row + "\n" for row in answers)


if __name__ == "__main__":
    main()
