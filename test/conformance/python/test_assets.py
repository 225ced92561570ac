import os

import pytest
from azure.ai.ml.constants import AssetTypes
from azure.ai.ml.entities import BuildContext, CodeConfiguration, Data, Environment, Model
from azure.ai.ml.entities._assets import Code
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.blob import ContainerClient


def names(items):
    return {item.name for item in items}


def versions(items):
    return [item.version for item in items]


@pytest.mark.short
def test_model_upload_reuse_download(ml, unique, folder, tmp_path):
    path = folder({"weights.bin": "1234", "sub/more.txt": "m"})
    name = unique("model")
    first = ml.models.create_or_update(
        Model(name=name, version="1", path=path, type=AssetTypes.CUSTOM_MODEL, tags={"a": "b"})
    )
    second = ml.models.create_or_update(Model(name=name, version="2", path=path))
    # The same content is uploaded once: both versions lie in the place named after its hash.
    assert first.path.split("/paths/")[1] == second.path.split("/paths/")[1]
    assert "LocalUpload/" in first.path
    ml.models.download(name, "1", download_path=str(tmp_path / "out"))
    got = {
        os.path.relpath(os.path.join(at, file), tmp_path / "out")
        for at, _, files in os.walk(tmp_path / "out")
        for file in files
    }
    assert got == {f"{name}/content/weights.bin", f"{name}/content/sub/more.txt"}
    assert ml.models.get(name, label="latest").version == "2"
    assert set(versions(ml.models.list(name=name))) == {"1", "2"}


def test_versions_count_up_by_themselves(ml, unique, folder):
    name = unique("auto")
    path = folder({"f": "x"})
    made = [ml.models.create_or_update(Model(name=name, path=path)).version for _ in range(2)]
    assert made == ["1", "2"]


def test_payload_of_a_version_is_fixed(ml, unique, folder):
    name = unique("fixed")
    ml.models.create_or_update(Model(name=name, version="1", path=folder({"f": "1"}, "one")))
    with pytest.raises(Exception, match="already linked to an asset|cannot be updated"):
        ml.models.create_or_update(Model(name=name, version="1", path=folder({"f": "2"}, "two")))
    changed = ml.models.get(name, version="1")
    changed.description = "new words"
    assert ml.models.create_or_update(changed).description == "new words"


@pytest.mark.parametrize("group", ["models", "data", "environments"])
def test_archive_and_restore_in_every_list_view(ml, unique, folder, group):
    operations = getattr(ml, group)
    name = unique("arch")
    path = folder({"f": "x"})

    def asset(version):
        if group == "models":
            return Model(name=name, version=version, path=path)
        if group == "data":
            return Data(name=name, version=version, path=path, type=AssetTypes.URI_FOLDER)
        return Environment(name=name, version=version, image=f"image:{version}")

    for version in ("1", "2"):
        operations.create_or_update(asset(version))
    operations.archive(name, version="1")

    def listed(view):
        return set(versions(operations.list(name=name, list_view_type=view)))

    assert listed("ActiveOnly") == {"2"}
    assert listed("ArchivedOnly") == {"1"}
    assert listed("All") == {"1", "2"}
    operations.restore(name, version="1")
    assert listed("ActiveOnly") == {"1", "2"}

    operations.archive(name)
    assert name not in names(operations.list())
    assert name in names(operations.list(list_view_type="ArchivedOnly"))
    assert name in names(operations.list(list_view_type="All"))
    operations.restore(name)
    assert name in names(operations.list())
    operations.archive(name, label="latest")
    assert listed("ArchivedOnly") == {"2"}


@pytest.mark.short
def test_data_of_every_type(ml, unique, folder, tmp_path):
    path = folder({"rows.csv": "a,b\n1,2\n"})
    as_folder = ml.data.create_or_update(
        Data(name=unique("d"), version="1", path=path, type=AssetTypes.URI_FOLDER)
    )
    assert as_folder.path.endswith("/content") or as_folder.path.endswith("/content/")
    as_file = ml.data.create_or_update(
        Data(name=unique("d"), version="1", path=f"{path}/rows.csv", type=AssetTypes.URI_FILE)
    )
    assert as_file.path.endswith("rows.csv")
    table = folder({"MLTable": "paths:\n  - file: ./rows.csv\n", "rows.csv": "a\n1\n"}, "table")
    as_table = ml.data.create_or_update(
        Data(name=unique("d"), version="1", path=table, type=AssetTypes.MLTABLE)
    )
    assert as_table.type == "mltable"
    assert ml.data.get(as_table.name, label="latest").version == "1"
    cloud = ml.data.create_or_update(
        Data(
            name=unique("d"),
            path="azureml://datastores/workspaceblobstore/paths/some/where",
            type=AssetTypes.URI_FOLDER,
        )
    )
    assert cloud.version == "1"
    with pytest.raises(HttpResponseError, match="data version with this name and version"):
        ml.data.create_or_update(
            Data(
                name=cloud.name,
                version="1",
                path="azureml://datastores/workspaceblobstore/paths/else/where",
                type=AssetTypes.URI_FOLDER,
            )
        )


@pytest.mark.short
def test_code_is_found_again_by_its_content(ml, credential, folder):
    path = folder({"train.py": "print(1)\n", "lib/a.py": "A = 1\n"})
    code = ml._code
    first = code.create_or_update(Code(path=path))
    again = code.create_or_update(Code(path=path))
    assert (again.name, again.version) == (first.name, first.version)
    other = code.create_or_update(Code(path=folder({"train.py": "print(2)\n"}, "other")))
    assert other.name != first.name
    got = code.get(name=first.name, version=first.version)
    assert got.path == first.path
    # Whoever may read the account finds there what was uploaded.
    container, root = got.path.rsplit("/", 1)
    blobs = ContainerClient.from_container_url(container, credential=credential).list_blobs()
    assert {blob.name for blob in blobs} == {f"{root}/train.py", f"{root}/lib/a.py"}


def test_environments(ml, unique, folder):
    image = ml.environments.create_or_update(
        Environment(name=unique("env"), version="1", image="python:3.11", description="d")
    )
    assert image.image == "python:3.11"
    conda = {"channels": ["conda-forge"], "dependencies": ["python=3.11"]}
    with_conda = ml.environments.create_or_update(
        Environment(name=unique("env"), image="ubuntu", conda_file=conda)
    )
    assert with_conda.version == "1"
    assert with_conda.conda_file["dependencies"] == ["python=3.11"]
    context = folder({"Dockerfile": "FROM ubuntu\n"})
    built = ml.environments.create_or_update(
        Environment(name=unique("env"), build=BuildContext(path=context))
    )
    assert built.build.dockerfile_path == "Dockerfile"
    again = ml.environments.create_or_update(
        Environment(name=built.name, build=BuildContext(path=context))
    )
    assert again.build.path == built.build.path
    assert ml.environments.get(built.name, label="latest").version == again.version
    with pytest.raises(ResourceNotFoundError):
        ml.environments.get("never-there", version="1")


def test_more_than_a_page_of_versions(ml, unique):
    name = unique("many")
    for number in range(120):
        ml.environments.create_or_update(
            Environment(name=name, version=str(number), image="python")
        )
    assert len(list(ml.environments.list(name=name))) == 120
