import json
import math

import mlflow
import pandas
import pytest
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException


def test_a_run_keeps_what_is_logged(tracking, experiment):
    with mlflow.start_run(run_name="parent", tags={"team": "fraud"}) as parent:
        mlflow.log_params({"lr": 0.1, "depth": 3})
        for step in range(5):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_metric("bad", math.nan)
        with mlflow.start_run(run_name="child", nested=True) as child:
            mlflow.log_metric("loss", 0.5)
    run = mlflow.get_run(parent.info.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params == {"lr": "0.1", "depth": "3"}
    assert run.data.metrics["loss"] == 0.2
    assert math.isnan(run.data.metrics["bad"])
    assert run.data.tags["team"] == "fraud"
    history = tracking.get_metric_history(parent.info.run_id, "loss")
    assert [(one.step, one.value) for one in history] == [(i, 1 / (i + 1)) for i in range(5)]
    children = mlflow.search_runs(
        experiment_names=[experiment],
        filter_string=f"tags.mlflow.parentRunId = '{parent.info.run_id}'",
        output_format="list",
    )
    assert [one.info.run_id for one in children] == [child.info.run_id]


def test_a_run_that_fails_says_so(tracking, experiment):
    with pytest.raises(ValueError), mlflow.start_run() as run:
        raise ValueError
    assert mlflow.get_run(run.info.run_id).info.status == "FAILED"


def test_batches_are_all_or_nothing(tracking, experiment):
    run = mlflow.start_run()
    run_id = run.info.run_id
    metrics = [Metric("m", float(i), 1_700_000_000_000 + i, i) for i in range(1000)]
    tracking.log_batch(run_id, metrics, [Param("a", "1")], [])
    assert len(tracking.get_metric_history(run_id, "m")) == 1000
    with pytest.raises(MlflowException):
        tracking.log_batch(run_id, [], [Param("a", "2")], [RunTag("written", "no")])
    assert "written" not in mlflow.get_run(run_id).data.tags


def test_search_filters_orders_and_pages(tracking, experiment):
    for i in range(7):
        with mlflow.start_run():
            mlflow.log_metric("score", i)
            mlflow.log_param("kind", "even" if i % 2 == 0 else "odd")
    names = {"experiment_names": [experiment], "output_format": "list"}
    found = mlflow.search_runs(
        filter_string="metrics.score > 2 and params.kind = 'even'",
        order_by=["metrics.score DESC"],
        **names,
    )
    assert [one.data.metrics["score"] for one in found] == [6, 4]
    identifier = mlflow.get_experiment_by_name(experiment).experiment_id
    seen, page = [], None
    while page is None or page.token:
        page = tracking.search_runs([identifier], max_results=3, page_token=page and page.token)
        seen += [one.info.run_id for one in page]
    assert len(set(seen)) == 7
    tracking.delete_run(seen[0])
    assert len(mlflow.search_runs(**names)) == 6
    tracking.restore_run(seen[0])
    assert len(mlflow.search_runs(**names)) == 7


def test_artifacts_come_back_byte_for_byte(tracking, experiment, tmp_path):
    big = tmp_path / "big.bin"
    big.write_bytes(bytes(range(256)) * 40_000)
    with mlflow.start_run() as run:
        mlflow.log_artifact(str(big), "data")
        mlflow.log_dict({"a": [1, 2]}, "conf/a.json")
        mlflow.log_text("grüße", "note.txt")
        mlflow.log_table({"x": [1, 2]}, "table.json")
    run_id = run.info.run_id
    assert {one.path for one in tracking.list_artifacts(run_id)} >= {"data", "conf", "note.txt"}
    folder = mlflow.artifacts.download_artifacts(run_id=run_id, dst_path=str(tmp_path / "out"))
    assert (tmp_path / "out" / "data" / "big.bin").read_bytes() == big.read_bytes()
    assert json.loads((tmp_path / "out" / "conf" / "a.json").read_text()) == {"a": [1, 2]}
    assert folder
    assert mlflow.artifacts.load_text(f"runs:/{run_id}/note.txt") == "grüße"
    assert list(mlflow.load_table("table.json", run_ids=[run_id])["x"]) == [1, 2]


def test_datasets_stay_with_their_run(tracking, experiment):
    data = mlflow.data.from_pandas(pandas.DataFrame({"x": [1, 2, 3]}), name="train")
    with mlflow.start_run() as run:
        mlflow.log_input(data, context="training")
    [found] = mlflow.get_run(run.info.run_id).inputs.dataset_inputs
    assert found.dataset.name == "train"
    assert found.tags[0].value == "training"


def test_experiments_are_renamed_tagged_deleted(tracking, unique):
    name = unique("e")
    identifier = mlflow.create_experiment(name, tags={"a": "1"})
    tracking.set_experiment_tag(identifier, "b", "2")
    assert tracking.get_experiment(identifier).tags == {"a": "1", "b": "2"}
    tracking.rename_experiment(identifier, f"{name}-new")
    found = mlflow.search_experiments(filter_string="tags.b = '2'")
    assert f"{name}-new" in {one.name for one in found}
    tracking.delete_experiment(identifier)
    assert tracking.get_experiment(identifier).lifecycle_stage == "deleted"
