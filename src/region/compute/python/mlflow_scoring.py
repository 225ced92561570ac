"""Scores an MLflow model as a managed online endpoint does: the scoring script of a deployment without one.

Takes `{"input_data": ...}` as Azure ML does (a split table, a list of rows, or a map of columns) and the
forms of MLflow's own server (`dataframe_split`, `dataframe_records`, `instances`, `inputs`).
"""

import json
import os

model = None


def init():
    global model
    from mlflow import pyfunc

    model = pyfunc.load_model(model_folder(os.environ["AZUREML_MODEL_DIR"]))


def model_folder(root):
    for folder, _, files in os.walk(root):
        if "MLmodel" in files:
            return folder
    raise FileNotFoundError("the model has no file MLmodel")


def run(raw):
    request = json.loads(raw)
    if not isinstance(request, dict):
        raise ValueError('the request must be an object with "input_data"')
    params = request.get("params") or None
    data = table(request)
    answer = model.predict(data, params=params) if params else model.predict(data)
    return json.dumps(plain(answer))


def table(request):
    import pandas

    if "input_data" in request:
        data = request["input_data"]
        if isinstance(data, dict) and "data" in data:
            return named(pandas.DataFrame(data["data"], columns=data.get("columns"), index=data.get("index")))
        if isinstance(data, dict):
            return named(pandas.DataFrame(data))
        return tensor_or_table(data)
    if "dataframe_split" in request:
        split = request["dataframe_split"]
        return named(pandas.DataFrame(split["data"], columns=split.get("columns"), index=split.get("index")))
    if "dataframe_records" in request:
        return named(pandas.DataFrame(request["dataframe_records"]))
    for name in ("instances", "inputs"):
        if name in request:
            return tensor_or_table(request[name])
    raise ValueError('the request has no "input_data"')


def schema():
    return model.metadata.get_input_schema()


def tensor_or_table(rows):
    """Rows without names: an array where the model asks for one, else a table with the model's names."""
    import numpy
    import pandas

    wanted = schema()
    if wanted is not None and wanted.is_tensor_spec():
        return numpy.asarray(rows)
    if isinstance(rows, list) and rows and not isinstance(rows[0], (list, dict)):
        rows = [[value] for value in rows]
    return named(pandas.DataFrame(rows))


def named(frame):
    """A column that has only a number has none in the request: it takes the model's name and type."""
    wanted = schema()
    if wanted is None or wanted.is_tensor_spec() or not wanted.has_input_names():
        return frame
    names = wanted.input_names()
    if len(names) == len(frame.columns) and all(isinstance(name, int) for name in frame.columns):
        frame.columns = names
    for name, kind in zip(names, wanted.pandas_types()):
        # JSON knows no difference between 1 and 1.0; the model's schema does.
        if name in frame and str(kind).startswith(("float", "int32")):
            frame[name] = frame[name].astype(kind)
    return frame


def plain(value):
    if hasattr(value, "to_dict"):
        return value.to_dict(orient="records") if hasattr(value, "columns") else value.tolist()
    if hasattr(value, "tolist"):
        return value.tolist()
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value
