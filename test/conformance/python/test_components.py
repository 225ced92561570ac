import pytest
from azure.ai.ml import Input, load_component
from azure.ai.ml.entities import CommandComponent
from azure.core.exceptions import HttpResponseError


def component(name, version, folder, **options):
    return CommandComponent(
        name=name,
        version=version,
        display_name="Trains",
        inputs={"data": Input(type="uri_folder"), "rate": Input(type="number", default=0.1)},
        outputs={"model": {"type": "uri_folder"}},
        code=folder({"train.py": "print('x')"}),
        command="python train.py ${{inputs.data}} ${{inputs.rate}} ${{outputs.model}}",
        environment="azureml://registries/azureml/environments/sklearn/versions/1",
        **options,
    )


@pytest.mark.short
def test_create_get_list(ml, unique, folder):
    name = unique("train").replace("-", "_")
    made = ml.components.create_or_update(component(name, "1", folder))
    assert (made.name, made.version, made.display_name) == (name, "1", "Trains")
    got = ml.components.get(name, version="1")
    assert got.inputs["rate"].default in ("0.1", 0.1)
    assert got.command.startswith("python train.py")
    assert got.code.startswith("/subscriptions/") or got.code.startswith("azureml:")
    again = ml.components.create_or_update(component(name, None, folder), version="2")
    assert again.version == "2"
    assert ml.components.get(name).version == "2"
    assert ml.components.get(name, label="latest").version == "2"
    assert {one.version for one in ml.components.list(name=name)} == {"1", "2"}
    assert name in {one.name for one in ml.components.list()}


def test_archive_and_restore(ml, unique, folder):
    name = unique("train").replace("-", "_")
    ml.components.create_or_update(component(name, "1", folder))
    ml.components.create_or_update(component(name, "2", folder, description="second"))
    ml.components.archive(name, version="1")
    assert {one.version for one in ml.components.list(name=name)} == {"2"}
    ml.components.restore(name, version="1")
    assert {one.version for one in ml.components.list(name=name)} == {"1", "2"}
    ml.components.archive(name)
    assert name not in {one.name for one in ml.components.list()}
    assert name in {one.name for one in ml.components.list(list_view_type="ArchivedOnly")}
    ml.components.restore(name)


def test_validate_download(ml, unique, folder, tmp_path):
    name = unique("train").replace("-", "_")
    made = component(name, "1", folder)
    assert ml.components.validate(made).passed
    ml.components.prepare_for_sign(made)
    ml.components.create_or_update(made)
    with pytest.raises(Exception):
        ml.components.get(name, version="never-there")


def test_what_a_version_says_is_fixed(ml, unique, folder):
    name = unique("train").replace("-", "_")
    ml.components.create_or_update(component(name, "1", folder))
    other = component(name, "1", folder)
    other.command = "python train.py ${{inputs.data}} ${{outputs.model}} --else"
    with pytest.raises(HttpResponseError):
        ml.components.create_or_update(other)


def test_download_without_code(ml, unique, tmp_path):
    """With code the client reads only addresses below the public cloud's storage hosts."""
    name = unique("plain").replace("-", "_")
    plain = CommandComponent(
        name=name,
        version="1",
        command="echo hello",
        environment="azureml://registries/azureml/environments/sklearn/versions/1",
    )
    ml.components.create_or_update(plain)
    ml.components.download(name, tmp_path / "out", version="1")
    assert load_component(tmp_path / "out" / "component_spec.yaml").command == "echo hello"


@pytest.mark.short
def test_a_component_without_a_version_gets_the_next_one_and_is_the_latest(ml, tmp_path):
    path = tmp_path / "component.yml"
    path.write_text(
        "type: command\nname: unversioned\ncommand: 'true'\nenvironment:\n  image: made-up\n"
    )
    for expected in ("1", "2"):
        made = ml.components.create_or_update(load_component(str(path)))
        assert made.version == expected
        assert ml.components.get("unversioned", label="latest").version == expected
    assert {one.version for one in ml.components.list(name="unversioned")} == {"1", "2"}
