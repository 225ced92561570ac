import time
from pathlib import Path

import pytest
from azure.ai.ml import Input, MpiDistribution, Output, command, dsl, load_component
from azure.ai.ml.entities import CommandComponent, Environment, UserIdentityConfiguration
from azure.ai.ml.exceptions import JobException
from azure.ai.ml.sweep import Choice
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError


@pytest.fixture(scope="module")
def environment(ml):
    ml.environments.create_or_update(Environment(name="jobs-env", version="1", image="python:3.11"))
    return "jobs-env:1"


@pytest.fixture
def run(ml, cluster, environment, folder):
    """Submits a command job of this Python text."""

    def submitted(text, arguments="", **options):
        job = command(
            code=folder({"main.py": text}, "code"),
            command=f"python main.py {arguments}",
            environment=environment,
            compute=cluster,
            experiment_name="conformance",
            **options,
        )
        return ml.jobs.create_or_update(job)

    return submitted


def finished(ml, name):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        job = ml.jobs.get(name)
        if job.status in ("Completed", "Failed", "Canceled"):
            return job
        time.sleep(0.2)
    raise AssertionError(f"{name} did not end")


@pytest.mark.short
def test_stream_get_download(ml, run, folder, tmp_path, capsys):
    rows = folder({"rows.txt": "1 2 3"}, "rows")
    job = run(
        "import sys, pathlib\n"
        "text = pathlib.Path(sys.argv[1], 'rows.txt').read_text()\n"
        "print('rows are', text)\n"
        "pathlib.Path(sys.argv[2], 'sum.txt').write_text(str(sum(map(int, text.split()))))\n",
        "${{inputs.rows}} ${{outputs.total}}",
        inputs={"rows": Input(type="uri_folder", path=rows), "rate": 0.5},
        outputs={"total": Output(type="uri_folder")},
        tags={"team": "fraud"},
        display_name="Sums",
    )
    assert job.tags == {"team": "fraud"} and job.display_name == "Sums"
    ml.jobs.stream(job.name)
    streamed = capsys.readouterr().out
    assert "Streaming user_logs/std_log.txt" in streamed and "rows are 1 2 3" in streamed
    done = ml.jobs.get(job.name)
    assert done.status == "Completed"
    assert done.experiment_name == "conformance"
    assert done.inputs["rows"].path.startswith("azureml://")
    ml.jobs.download(job.name, download_path=tmp_path / "logs")
    log = tmp_path / "logs/artifacts/user_logs/std_log.txt"
    assert log.read_text() == "rows are 1 2 3\n"
    ml.jobs.download(job.name, download_path=tmp_path / "one", output_name="total")
    assert (tmp_path / "one/named-outputs/total/sum.txt").read_text() == "6"
    assert ml.jobs.show_services(job.name) is None


def test_failed_job_says_why(ml, run, capsys):
    job = run("import sys; print('about to fail'); sys.exit(3)")
    with pytest.raises(JobException, match="exit code 3"):
        ml.jobs.stream(job.name)
    assert "about to fail" in capsys.readouterr().out
    assert ml.jobs.get(job.name).status == "Failed"


@pytest.mark.short
def test_cancel(ml, run):
    job = run("import time; time.sleep(120)")
    ml.jobs.begin_cancel(job.name).result()
    assert finished(ml, job.name).status == "Canceled"


def test_list_archive_restore_update_delete(ml, run, unique):
    name = unique("job")
    job = run("pass", name=name)
    assert job.name == name

    def listed(view):
        return {one.name for one in ml.jobs.list(list_view_type=view)}

    assert name in listed("ActiveOnly")
    ml.jobs.archive(name)
    assert name not in listed("ActiveOnly")
    assert name in listed("ArchivedOnly") and name in listed("All")
    ml.jobs.restore(name)
    assert name in listed("ActiveOnly")
    updated = ml.jobs.update(name, display_name="Renamed", tags={"k": "v"})
    assert updated.display_name == "Renamed" and updated.tags["k"] == "v"
    finished(ml, name)
    ml.jobs.begin_delete(name).result()
    with pytest.raises(ResourceNotFoundError):
        ml.jobs.get(name)


def test_same_name_runs_once(ml, run, unique):
    name = unique("job")
    first = run("print(1)", name=name)
    again = run("print(2)", name=name)
    assert again.creation_context.created_at == first.creation_context.created_at


def test_what_does_not_exist_is_refused(ml, folder):
    job = command(command="true", environment="jobs-env:1", compute="never-there")
    with pytest.raises((HttpResponseError, ResourceNotFoundError), match="never-there"):
        ml.jobs.create_or_update(job)
    with pytest.raises(ResourceNotFoundError):
        ml.jobs.get("never-there")


def test_pipeline_of_components(ml, cluster, environment, folder, tmp_path, capsys):
    double = CommandComponent(
        name="double",
        version="1",
        inputs={"number": {"type": "integer"}},
        outputs={"out": {"type": "uri_folder"}},
        code=folder({"double.py": "import sys; open(sys.argv[2] + '/n', 'w').write(str(2 * int(sys.argv[1])))"}),
        command="python double.py ${{inputs.number}} ${{outputs.out}}",
        environment=environment,
    )
    show = CommandComponent(
        name="show",
        version="1",
        inputs={"from_": {"type": "uri_folder"}},
        command="cat ${{inputs.from_}}/n",
        environment=environment,
    )

    @dsl.pipeline(default_compute=cluster)
    def both(number: int):
        first = double(number=number)
        show(from_=first.outputs.out)
        return {"result": first.outputs.out}

    pipeline = both(number=21)
    assert ml.jobs.validate(pipeline).passed
    job = ml.jobs.create_or_update(pipeline, experiment_name="pipes")
    ml.jobs.stream(job.name)
    assert ml.jobs.get(job.name).status == "Completed"
    children = list(ml.jobs.list(parent_job_name=job.name))
    assert {child.display_name for child in children} == {"first", "show"}
    ml.jobs.download(job.name, download_path=tmp_path, output_name="result")
    assert (tmp_path / "named-outputs/result/n").read_text() == "42"


def test_sweep_is_stored_as_written(ml, cluster, environment, folder):
    base = command(
        code=folder({"t.py": "print(1)"}),
        command="python t.py ${{inputs.rate}}",
        environment=environment,
        compute=cluster,
        inputs={"rate": 0.1},
    )
    sweep = base(rate=Choice([0.1, 0.2])).sweep(
        primary_metric="loss", goal="minimize", sampling_algorithm="grid"
    )
    sweep.set_limits(max_total_trials=2, max_concurrent_trials=1)
    job = ml.jobs.create_or_update(sweep)
    got = ml.jobs.get(job.name)
    assert got.objective.primary_metric == "loss"
    assert got.search_space["rate"].values == [0.1, 0.2]
    assert finished(ml, job.name)
