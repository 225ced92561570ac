import pytest
from azure.ai.ml.entities import (
    AmlCompute,
    ComputeInstance,
    KubernetesCompute,
    VirtualMachineCompute,
    VirtualMachineSshSettings,
)
from azure.core.exceptions import ResourceNotFoundError


@pytest.mark.short
def test_cluster(ml, unique):
    name = unique("c")[:16]
    made = ml.compute.begin_create_or_update(
        AmlCompute(name=name, size="Standard_DS3_v2", min_instances=0, max_instances=4, tier="low_priority")
    ).result()
    assert (made.name, made.type, made.size) == (name, "amlcompute", "STANDARD_DS3_V2") or (
        made.size.lower() == "standard_ds3_v2"
    )
    assert made.tier == "low_priority"
    got = ml.compute.get(name)
    assert (got.min_instances, got.max_instances) == (0, 4)
    got.max_instances = 6
    assert ml.compute.begin_update(got).result().max_instances == 6
    assert name in {one.name for one in ml.compute.list()}
    assert name in {one.name for one in ml.compute.list(compute_type="AmlCompute")}
    assert name not in {one.name for one in ml.compute.list(compute_type="ComputeInstance")}
    assert list(ml.compute.list_nodes(name)) == []
    ml.compute.begin_delete(name).result()
    with pytest.raises(ResourceNotFoundError):
        ml.compute.get(name)


def test_instance_starts_and_stops(ml, unique):
    name = unique("ci")[:20]
    made = ml.compute.begin_create_or_update(
        ComputeInstance(name=name, size="Standard_DS3_v2", idle_time_before_shutdown_minutes=30)
    ).result()
    assert made.state == "Running"
    ml.compute.begin_stop(name).result()
    assert ml.compute.get(name).state == "Stopped"
    ml.compute.begin_start(name).result()
    assert ml.compute.get(name).state == "Running"
    ml.compute.begin_restart(name).result()
    assert ml.compute.get(name).state == "Running"
    ml.compute.enable_sso(name=name, enable_sso=False)
    ml.compute.begin_delete(name).result()


def test_attached(ml, unique):
    group = "/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg/providers"
    machine = VirtualMachineCompute(
        name=unique("vm")[:16],
        resource_id=f"{group}/Microsoft.Compute/virtualMachines/vm",
        ssh_settings=VirtualMachineSshSettings(admin_username="me", admin_password="p4ss-w0rd"),
    )
    made = ml.compute.begin_attach(machine).result()
    assert made.resource_id == machine.resource_id
    assert "p4ss-w0rd" not in str(ml.compute.get(machine.name)._to_dict())
    ml.compute.begin_delete(machine.name, action="Detach").result()
    cluster = KubernetesCompute(
        name=unique("k8s")[:16],
        resource_id=f"{group}/Microsoft.ContainerService/managedClusters/aks",
        namespace="ml",
    )
    assert ml.compute.begin_attach(cluster).result().namespace == "ml"


def test_sizes_and_usage(ml):
    sizes = {size.name for size in ml.compute.list_sizes()}
    assert "Standard_DS3_v2" in sizes
    usages = list(ml.compute.list_usage())
    assert usages and all(usage.limit >= 0 for usage in usages)
