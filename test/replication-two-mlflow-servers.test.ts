import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ReplicationContext } from '../src/replication/pass.ts'
import { replicate } from '../src/replication/replicate.ts'
import { pythonWithMlflow, type TestMlflow } from '../src/workspace/mlflow/testing/mlflow-server.ts'
import { startTwoServers, type TwoServers } from './mlflow-tracking/two-servers.ts'

const python = pythonWithMlflow()
if (python === undefined)
  console.error(
    'NOT TESTED: two MLflow servers. There is no Python with MLflow; name one with HOLDFAST_MLFLOW_PYTHON.',
  )

/** What people log, by MLflow's own client: parents, odd names, NaN, deleted things, datasets, files. */
const fill = `
import mlflow, json, os, tempfile
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
client = MlflowClient()
exp = client.create_experiment('Größe/α', tags={'team': 'x', 'mlflow.note.content': 'why'})
parent = client.create_run(exp, start_time=1700000000123, run_name='parent')
child = client.create_run(exp, start_time=1600000000001, run_name='child', tags={'mlflow.parentRunId': parent.info.run_id})
gone = client.create_run(exp, start_time=1700000000999, run_name='gone')
live = client.create_run(exp, run_name='live')
for run in (parent, child, gone, live):
    i = run.info.run_id
    for part in (range(100), range(100, 120)):
        client.log_batch(i, params=[Param(f'p{n}', f'wert {n} \\U0001f680') for n in part])
    client.log_batch(i, tags=[RunTag('a b', 'é|x'), RunTag('empty', '')])
    client.log_batch(i, metrics=[Metric('loss', v, 1700000000000 + n, n) for n, v in enumerate([0.1, 1e-300, 5e-324, float('nan'), -0.0, float('inf'), float('-inf'), 123456789.123456789])])
    client.log_batch(i, metrics=[Metric('loss', 0.1, 1700000000000, 0), Metric('neg', 1.5, 5, -3)])
# More than one answer of the bulk read holds, and a short one beside it.
for start in range(0, 26000, 1000):
    client.log_batch(parent.info.run_id, metrics=[Metric('long', n / 7, 1700000000000 + n, n) for n in range(start, start + 1000)])
client.log_batch(child.info.run_id, metrics=[Metric('long', n / 7, 1700000000000 + n, n) for n in range(10)])
with tempfile.TemporaryDirectory() as d:
    os.makedirs(d + '/sub/ö %'); open(d + '/sub/ö %/f.txt', 'w').write('hällo'); open(d + '/empty', 'w').close()
    open(d + '/big.bin', 'wb').write(bytes(range(256)) * 4096)
    client.log_artifacts(parent.info.run_id, d)
    client.log_artifact(gone.info.run_id, d + '/big.bin', 'x')
import mlflow.data, pandas
with mlflow.start_run(run_id=live.info.run_id):
    mlflow.log_input(mlflow.data.from_pandas(pandas.DataFrame({'a': [1]}), name='d'), context='training')
client.set_terminated(live.info.run_id, 'RUNNING')
client.set_terminated(parent.info.run_id, 'FINISHED', 1700000009123)
client.set_terminated(child.info.run_id, 'KILLED', 1600000009999)
client.set_terminated(gone.info.run_id, 'FAILED', 1700000010000)
client.delete_run(gone.info.run_id)
old = client.create_experiment('old')
run = client.create_run(old, run_name='in old')
client.log_metric(run.info.run_id, 'm', 1.0)
client.set_terminated(run.info.run_id)
client.delete_experiment(old)
`

/** All that MLflow's client shows, with names for ids. */
const show = `
import json, hashlib, tempfile, os
from mlflow import MlflowClient
from mlflow.entities import ViewType
client = MlflowClient()
exps = client.search_experiments(view_type=ViewType.ALL)
own = lambda tags: {k: v for k, v in sorted(tags.items()) if not k.startswith('holdfast.') and k != 'mlflow.parentRunId'}
runs = client.search_runs([e.experiment_id for e in exps], run_view_type=ViewType.ALL, max_results=1000)
names = {r.info.run_id: r.info.run_name for r in runs}
def walk(run, path=None):
    for f in client.list_artifacts(run, path):
        if f.is_dir: yield from walk(run, f.path)
        else: yield f.path
out = [[e.name, e.lifecycle_stage, own(e.tags)] for e in sorted(exps, key=lambda e: e.name)]
for r in sorted(runs, key=lambda r: r.info.run_name):
    i = r.info
    series = {k: sorted((m.timestamp, m.step, repr(m.value)) for m in client.get_metric_history(i.run_id, k)) for k in sorted(r.data.metrics)}
    files = {}
    with tempfile.TemporaryDirectory() as d:
        for path in sorted(walk(i.run_id)):
            files[path] = hashlib.sha256(open(client.download_artifacts(i.run_id, path, d), 'rb').read()).hexdigest()
    inputs = sorted([[x.dataset.name, x.dataset.digest, x.dataset.schema, [[t.key, t.value] for t in x.tags]] for x in r.inputs.dataset_inputs])
    out.append([i.run_name, i.status, i.lifecycle_stage, i.start_time, i.end_time, i.user_id, sorted(r.data.params.items()), own(r.data.tags), names.get(r.data.tags.get('mlflow.parentRunId')), series, files, inputs])
print('SHOWN' + json.dumps(out))
`
const shown = (server: TestMlflow) =>
  JSON.parse(server.python(show).split('SHOWN')[1] ?? '') as unknown[]

const direction = { group: 'g', source: 'east', target: 'west' }

describe.skipIf(python === undefined)('two MLflow servers', () => {
  let servers: TwoServers
  let east: TestMlflow
  let west: TestMlflow
  let context: ReplicationContext

  /** Rows that say what went wrong: a bare count would not. */
  const amiss = async () => [
    ...(await context.ledger.rows(direction, { state: 'failed', limit: 9 })),
    ...(await context.ledger.rows(direction, { state: 'conflict', limit: 9 })),
  ]

  beforeAll(async () => {
    servers = await startTwoServers(python ?? '')
    ;({ east, west, context } = servers)
    east.python(fill)
  }, 300_000)

  afterAll(() => servers?.stop(), 60_000)

  it('loses nothing that their own client shows (I4)', async () => {
    const result = await replicate(context)
    expect(await amiss()).toEqual([])
    expect(result).toMatchObject({ outcome: 'complete', failed: 0, pending: 0, conflicts: 0 })
    expect(shown(west)).toEqual(shown(east))
    expect(await replicate(context)).toMatchObject({ outcome: 'complete', created: 0, updated: 0 })
  }, 300_000)

  it('carries only what changed, and deletions of tags with it', async () => {
    east.python(`
from mlflow import MlflowClient
client = MlflowClient()
exp = client.get_experiment_by_name('Größe/α').experiment_id
live = [r for r in client.search_runs([exp]) if r.info.run_name == 'live'][0].info.run_id
client.log_metric(live, 'loss', 7.0, step=99)
client.delete_tag(live, 'a b')
client.set_tag(live, 'new', '1')
client.set_terminated(live, 'FINISHED', 1800000000000)
client.set_experiment_tag(exp, 'team', 'y')
`)
    const result = await replicate(context)
    expect(await amiss()).toEqual([])
    expect(result).toMatchObject({ outcome: 'complete', created: 0, updated: 2, conflicts: 0 })
    expect(shown(west)).toEqual(shown(east))
  }, 300_000)

  it('keeps the marker where no copy and no list shows it', async () => {
    const marker = { group: 'g', role: 'primary', epoch: 3, since: '2026-01-01T00:00:00Z' } as const
    await context.source.writeMarker(marker, { epoch: 3 })
    expect(await context.source.readMarker()).toEqual(marker)
    await expect(
      context.source.writeMarker({ ...marker, epoch: 2 }, { epoch: 3 }),
    ).rejects.toMatchObject({ code: 'epoch.stale' })
    expect(await replicate(context)).toMatchObject({ outcome: 'complete', updated: 0 })
  }, 300_000)
})
