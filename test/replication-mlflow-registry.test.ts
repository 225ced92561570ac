import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PlannedAction } from '../src/api/contract.ts'
import { HoldfastError } from '../src/model/errors.ts'
import { notProtected } from '../src/replication/not-protected.ts'
import type { ReplicationContext } from '../src/replication/pass.ts'
import { replicate } from '../src/replication/replicate.ts'
import { pythonWithMlflow, type TestMlflow } from '../src/workspace/mlflow/testing/mlflow-server.ts'
import type { Workspace } from '../src/workspace/workspace.ts'
import { startTwoServers, type TwoServers } from './mlflow-tracking/two-servers.ts'

const python = pythonWithMlflow()
if (python === undefined)
  console.error(
    'NOT TESTED: the registry of two MLflow servers. There is no Python with MLflow; name one with HOLDFAST_MLFLOW_PYTHON.',
  )

const script = (name: string) =>
  readFileSync(new URL(`mlflow-tracking/${name}`, import.meta.url), 'utf8')
/** All that MLflow's own client shows, with names for ids. */
const shown = (server: TestMlflow) =>
  JSON.parse(server.python(script('show.py')).split('SHOWN')[1] ?? '') as unknown[]

const forward = { group: 'g', source: 'east', target: 'west' }
const backward = { group: 'g', source: 'west', target: 'east' }

describe.skipIf(python === undefined)(
  'registry, logged models and traces of MLflow servers',
  () => {
    let servers: TwoServers
    let context: ReplicationContext
    let back: ReplicationContext

    /** What went wrong, row by row: a bare count would not tell. */
    const amiss = async (direction: typeof forward) => {
      const states = ['failed', 'pending', 'conflict'] as const
      const rows = await Promise.all(
        states.map((state) => context.ledger.rows(direction, { state, limit: 9 })),
      )
      return rows.flat().map(({ state, object, error }) => ({ state, object, error }))
    }

    beforeAll(async () => {
      servers = await startTwoServers(python ?? '')
      context = servers.context
      back = { ...context, source: context.target, target: context.source, epoch: 2 }
      servers.east.python(script('fill.py'))
    }, 300_000)

    afterAll(() => servers?.stop(), 60_000)

    it('makes one copy only of a logged model when the answer is lost (I2, I10)', async () => {
      const target: Workspace = {
        ...context.target,
        async putObject(id, body, options) {
          const written = await context.target.putObject(id, body, options)
          if (id.kind !== 'logged-model') return written
          throw new HoldfastError('workspace.outcome-unknown', 'the answer was lost', {
            kind: 'unknown-outcome',
          })
        },
      }
      expect(await replicate({ ...context, target })).toMatchObject({ outcome: 'partial' })
      const result = await replicate(context)
      expect(await amiss(forward)).toEqual([])
      expect(result).toMatchObject({ outcome: 'complete' })
      expect(shown(servers.west)).toEqual(shown(servers.east))
    }, 300_000)

    it('has nothing to do in a second pass, and nothing in a full one (I4)', async () => {
      const nothing = { outcome: 'complete', created: 0, updated: 0, failed: 0 }
      expect(await replicate(context)).toMatchObject(nothing)
      expect(await replicate({ ...context, full: true })).toMatchObject(nothing)
    }, 300_000)

    it('carries what changes, numbers of versions included', async () => {
      servers.east.python(script('change.py'))
      const result = await replicate(context)
      expect(await amiss(forward)).toEqual([])
      expect(result).toMatchObject({ outcome: 'complete', conflicts: 0 })
      expect(shown(servers.west)).toEqual(shown(servers.east))
      expect(await replicate(context)).toMatchObject({
        outcome: 'complete',
        updated: 0,
        created: 0,
      })
    }, 300_000)

    it('leaves alone what changed at the target (I3)', async () => {
      servers.west.python(`
from mlflow import MlflowClient
MlflowClient().update_model_version('fraud', '1', 'by hand at the target')
`)
      servers.east.python(`
from mlflow import MlflowClient
MlflowClient().update_model_version('fraud', '1', 'at the source')
`)
      expect(await replicate(context)).toMatchObject({ outcome: 'partial', conflicts: 1 })
      expect(await amiss(forward)).toMatchObject([
        { state: 'conflict', object: 'model-version/fraud/1' },
      ])
      expect(JSON.stringify(shown(servers.west))).toContain('by hand at the target')
      servers.west.python(`
from mlflow import MlflowClient
MlflowClient().update_model_version('fraud', '1', 'at the source')
`)
      expect(await replicate(context)).toMatchObject({ outcome: 'complete' })
    }, 300_000)

    it('brings back what the other side made after a failover', async () => {
      servers.west.python(script('after-failover.py'))
      const result = await replicate(back)
      expect(await amiss(backward)).toEqual([])
      expect(result).toMatchObject({ outcome: 'complete', conflicts: 0 })
      expect(shown(servers.east)).toEqual(shown(servers.west))
      expect(await replicate({ ...context, epoch: 3, full: true })).toMatchObject({
        ...{ outcome: 'complete', created: 0, updated: 0 },
      })
    }, 300_000)

    it('copies versions whose run or logged model was deleted for good', async () => {
      servers.east.python(`
import pathlib, urllib.parse
import mlflow
from mlflow import MlflowClient
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
c = MlflowClient()
c.create_registered_model('orphan')
mlflow.set_experiment('gone')
with mlflow.start_run() as r: pass
c.create_model_version('orphan', r.info.artifact_uri + '/model', r.info.run_id)
c.create_model_version('orphan', f'runs:/{r.info.run_id}/model', r.info.run_id, tags={'k': 'v'})
m = mlflow.initialize_logged_model(name='lost', experiment_id=r.info.experiment_id)
c.create_model_version('orphan', f'models:/{m.model_id}', model_id=m.model_id)
folder = pathlib.Path(r'${servers.east.artifacts}').parent
store = SqlAlchemyStore(f'sqlite:///{folder}/mlflow.db', str(folder))
store.delete_run(r.info.run_id)
store._hard_delete_run(r.info.run_id)
store.delete_logged_model(m.model_id)
store._hard_delete_logged_model(m.model_id)
`)
      const planned: PlannedAction[] = []
      const onAction = (action: PlannedAction) => planned.push(action)
      const result = await replicate({ ...context, epoch: 4, onAction })
      expect(await amiss(forward)).toEqual([])
      expect(result).toMatchObject({ outcome: 'complete' })
      const orphans = planned.filter(({ kind }) => kind === 'model-version')
      expect(orphans.map(({ reason }) => reason)).toEqual(
        Array.from({ length: 3 }, () => expect.stringContaining('deleted for good')),
      )
      expect(await replicate({ ...context, epoch: 4, full: true })).toMatchObject({
        ...{ outcome: 'complete', created: 0, updated: 0 },
      })
    }, 300_000)

    it('names what it does not copy (I8)', async () => {
      expect(await notProtected(context.ledger, forward)).toEqual([])
      servers.east.python(`
import pathlib
import mlflow.genai.datasets
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
mlflow.genai.datasets.create_dataset(name='d', experiment_id=['0'])
folder = pathlib.Path(r'${servers.east.artifacts}').parent
SqlAlchemyStore(f'sqlite:///{folder}/mlflow.db', str(folder)).register_scorer('0', 'judge', '{}')
`)
      await replicate({ ...context, epoch: 4, full: true })
      expect(await notProtected(context.ledger, forward)).toEqual([
        expect.stringMatching(/^1 evaluation data sets are not copied/),
        expect.stringMatching(/^1 scorers are not copied/),
      ])
    }, 300_000)

    it('leads from the id of a logged model at one side to the other', async () => {
      const { items } = await context.source.listObjects('logged-model')
      const [id = ''] = items[0]?.id.path ?? []
      const [link] = (await context.runLinks?.resolve('g', id)) ?? []
      expect([link?.origin.member, link?.copy.member].sort()).toEqual(['east', 'west'])
    }, 60_000)
  },
)
