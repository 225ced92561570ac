"""Which public operations of MLClient the scenarios exercised, and which are known gaps."""

import inspect
import json
from pathlib import Path

from azure.ai.ml import MLClient


def operation_groups(client):
    """Every operation group of a client with its public methods, read from the installed package."""
    groups = {}
    for name, _ in inspect.getmembers(MLClient, lambda member: isinstance(member, property)):
        group = getattr(client, name)
        if type(group).__name__.endswith("Operations"):
            methods = inspect.getmembers(type(group), callable)
            groups[name] = sorted(method for method, _ in methods if not method.startswith("_"))
    return groups


class Recorder:
    """Counts calls that a scenario made through `watched`; the client itself stays as published."""

    def __init__(self):
        self.exercised = set()

    def watched(self, client):
        return _Watched(client, self)


class _Watched:
    def __init__(self, client, recorder):
        self._client = client
        self._recorder = recorder

    def __getattr__(self, name):
        value = getattr(self._client, name)
        if type(value).__name__.endswith("Operations"):
            return _WatchedGroup(name, value, self._recorder)
        return value


class _WatchedGroup:
    def __init__(self, name, group, recorder):
        self._name = name
        self._group = group
        self._recorder = recorder

    def __getattr__(self, method):
        call = getattr(self._group, method)
        if method.startswith("_") or not callable(call):
            return call

        def recorded(*args, **kwargs):
            result = call(*args, **kwargs)
            self._recorder.exercised.add(f"{self._name}.{method}")
            return result

        return recorded


def report(exercised, groups, passed_all):
    """The table that the runner prints; a gap without a reason, or a stale one, is an error."""
    gaps = json.loads((Path(__file__).parent / "gaps.json").read_text())
    every = {f"{group}.{method}" for group, methods in groups.items() for method in methods}
    lines = []
    for group, methods in sorted(groups.items()):
        done = [m for m in methods if f"{group}.{m}" in exercised]
        lines.append(f"  {group:<26} {len(done):>3} of {len(methods):>3}")
    missing = sorted(every - exercised)
    known = [operation for operation in missing if operation in gaps]
    unknown = [operation for operation in missing if operation not in gaps]
    stale = sorted(operation for operation in gaps if operation in exercised or operation not in every)
    lines.append(
        f"operations of MLClient: {len(exercised & every)} exercised and supported, "
        f"{len(known)} known gaps, {len(every)} all"
    )
    lines += [f"  gap {operation}: {gaps[operation]}" for operation in known]
    if passed_all:
        lines += [f"  NOT EXERCISED and no reason given: {operation}" for operation in unknown]
        lines += [f"  STALE gap, it works or is gone: {operation}" for operation in stale]
    return lines, bool(unknown or stale)
