from datetime import datetime, timedelta

import pytest
from azure.ai.ml import dsl
from azure.ai.ml.constants import TimeZone
from azure.ai.ml.entities import (
    CommandComponent,
    CronTrigger,
    Environment,
    JobSchedule,
    RecurrencePattern,
    RecurrenceTrigger,
)
from azure.core.exceptions import ResourceNotFoundError


def job(cluster):
    """The client takes schedules of pipelines."""
    step = CommandComponent(
        name="say",
        version="1",
        command="echo scheduled",
        environment=Environment(name="sched-env", version="1", image="python:3.11"),
    )

    @dsl.pipeline(default_compute=cluster)
    def scheduled():
        step()

    return scheduled()


def test_cron_enable_disable_delete(ml, cluster, unique):
    name = unique("sch")
    made = ml.schedules.begin_create_or_update(
        JobSchedule(
            name=name,
            trigger=CronTrigger(expression="15 10 * * *", time_zone=TimeZone.UTC),
            create_job=job(cluster),
        )
    ).result()
    assert made.is_enabled and made.provisioning_state == "Succeeded"
    assert ml.schedules.get(name).trigger.expression == "15 10 * * *"
    assert name in {one.name for one in ml.schedules.list()}
    assert ml.schedules.begin_disable(name).result().is_enabled is False
    assert name not in {one.name for one in ml.schedules.list()}
    assert name in {one.name for one in ml.schedules.list(list_view_type="DisabledOnly")}
    assert name in {one.name for one in ml.schedules.list(list_view_type="All")}
    assert ml.schedules.begin_enable(name).result().is_enabled
    fired = ml.schedules.trigger(name)
    assert ml.jobs.get(fired.job_name).name == fired.job_name
    ml.schedules.begin_disable(name).result()
    ml.schedules.begin_delete(name).result()
    with pytest.raises(ResourceNotFoundError):
        ml.schedules.get(name)


def test_recurrence(ml, cluster, unique):
    name = unique("sch")
    made = ml.schedules.begin_create_or_update(
        JobSchedule(
            name=name,
            trigger=RecurrenceTrigger(
                frequency="week",
                interval=2,
                schedule=RecurrencePattern(hours=10, minutes=[0, 30], week_days=["monday"]),
                start_time=datetime.now() + timedelta(days=1),
            ),
            create_job=job(cluster),
        )
    ).result()
    pattern = ml.schedules.get(name).trigger.schedule
    assert pattern.minutes == [0, 30] and pattern.week_days == ["monday"]
    assert made.trigger.interval == 2
