"""All that MLflow's own client shows of registry, logged models and traces, with names for ids."""
import hashlib
import json
import os
import re
import tempfile
import mlflow
from mlflow import MlflowClient
from mlflow.entities import ViewType
c = MlflowClient()
exps = {e.experiment_id: e.name for e in c.search_experiments(view_type=ViewType.ALL)}
runs = c.search_runs(list(exps), run_view_type=ViewType.ALL, max_results=1000)
names = {r.info.run_id: 'run:' + r.info.run_name for r in runs}
models = list(c.search_logged_models(list(exps)))
names.update({m.model_id: 'model:' + m.name for m in models})
def named(text):
    for k, v in names.items(): text = text.replace(k, v) if isinstance(text, str) else text
    return text
own = lambda tags: {k: named(v) for k, v in sorted(tags.items()) if not k.startswith('holdfast.') and k not in ('mlflow.modelVersions', 'mlflow.artifactLocation')}
out = []
for r in sorted(runs, key=lambda r: r.info.run_name):
    out.append(['run', r.info.run_name, sorted(named(i.model_id) for i in r.inputs.model_inputs), sorted((named(o.model_id), o.step) for o in r.outputs.model_outputs),
      {k: sorted((m.timestamp, m.step, repr(m.value)) for m in c.get_metric_history(r.info.run_id, k)) for k in sorted(r.data.metrics)}])
def files(f):
    found = {}
    for p, _, ns in os.walk(f):
        for n in ns: found[os.path.relpath(os.path.join(p, n), f)] = hashlib.sha256(open(os.path.join(p, n), 'rb').read()).hexdigest()
    return dict(sorted(found.items()))
for m in sorted(models, key=lambda m: m.name):
    with tempfile.TemporaryDirectory() as d:
        f = files(mlflow.artifacts.download_artifacts(f'models:/{m.model_id}', dst_path=d))
    out.append(['model', m.name, exps[m.experiment_id], str(m.status), m.model_type, named(m.source_run_id), own(m.tags), m.params, sorted((x.key, repr(x.value), x.timestamp, x.step, named(x.run_id), x.dataset_name, x.dataset_digest) for x in m.metrics or []), f])
prompts = c.search_registered_models("tags.`mlflow.prompt.is_prompt` = 'true'")
for rm in sorted([*c.search_registered_models(), *prompts], key=lambda m: m.name):
    out.append(['registered', rm.name, rm.description, own(rm.tags), dict(sorted(rm.aliases.items()))])
    f = f"name = '{rm.name}'"
    for v in sorted([*c.search_model_versions(f), *c.search_model_versions(f + " and tags.`mlflow.prompt.is_prompt` = 'true'")], key=lambda v: int(v.version)):
        uri = '' if 'mlflow.prompt.is_prompt' in rm.tags or '_mlflow_prompt_type' in v.tags else c.get_model_version_download_uri(rm.name, v.version)
        out.append(['version', v.name, v.version, v.description, own(v.tags), v.current_stage, v.status, named(v.source), named(v.run_id), v.run_link, sorted(v.aliases), re.sub(r'/\d+/', '/exp/', named(uri))])
for t in sorted(c.search_traces(locations=list(exps)), key=lambda t: t.info.trace_id):
    i = t.info
    meta = {k: named(v) for k, v in sorted(i.trace_metadata.items())}
    out.append(['trace', i.trace_id, exps[i.experiment_id], i.request_time, i.execution_duration, str(i.state), i.request_preview, i.response_preview, i.client_request_id, own(i.tags), meta,
      sorted(json.dumps(a.to_dictionary(), sort_keys=True) for a in i.assessments), [json.dumps(s.to_dict(), sort_keys=True) for s in t.data.spans]])
print('SHOWN' + json.dumps(out))
