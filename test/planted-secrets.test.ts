import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { captureOpenJobs } from '../src/jobs/capture.ts'
import type { JsonObject } from '../src/model/json.ts'
import { loadPlan } from '../src/plan/load-plan.ts'
import { settled, startTestRegion, type TestRegion } from '../src/region/testing/test-region.ts'
import { findDrift } from '../src/replication/drift.ts'
import { listConflicts } from '../src/replication/list-conflicts.ts'
import type { ReplicationContext } from '../src/replication/pass.ts'
import { planReplication } from '../src/replication/plan-replication.ts'
import { replicate } from '../src/replication/replicate.ts'
import { verify } from '../src/replication/verify.ts'
import { postgresRecords, recordMigrations } from '../src/runbooks/records.ts'
import { type Database, migrate, openDatabase } from '../src/store/database.ts'
import { openAzureMlWorkspace } from '../src/workspace/azureml/azureml-workspace.ts'
import { secretOf } from '../src/workspace/secret.ts'
import type { Workspace } from '../src/workspace/workspace.ts'

/** I9: one value for each place that can hold a secret; none of them is found anywhere afterwards. */
const planted = {
  datastoreKey: Buffer.from('planted-datastore-key-0123456789').toString('base64'),
  connection: 'planted-connection-credential',
  signatureOfData: 'plantedsignatureofdata',
  signatureOfKept: 'plantedsignatureofkept',
  signatureOfJob: 'plantedsignatureofjob',
}
const signed = (signature: string) =>
  `https://elsewhere.blob.core.windows.net/c/p?sv=2025-01-05&sp=r&sig=${signature}`

let folder: string
let database: Database
const regions: TestRegion[] = []
const workspaces: Workspace[] = []
const idOf = (member: string) =>
  `/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/rg-${member}/providers/Microsoft.MachineLearningServices/workspaces/ws-${member}`

async function start(member: string, location: string): Promise<Workspace> {
  const region = await startTestRegion({ name: location, caDir: join(folder, 'ca') })
  regions.push(region)
  const id = idOf(member)
  const group = id.split('/').slice(0, 5).join('/')
  await region.call('PUT', `${group}?api-version=2022-09-01`, { body: { location } })
  const body = { location, identity: { type: 'SystemAssigned' }, properties: {} }
  await settled(region.call, await region.call('PUT', `${id}?api-version=2025-12-01`, { body }))
  const workspace = await openAzureMlWorkspace({
    ...{ name: member, workspaceId: id, cloud: region.region.cloudFile, folder },
  })
  workspaces.push(workspace)
  return workspace
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-planted-'))
  database = await openDatabase({ stateDir: join(folder, 'state') })
  await migrate(database, recordMigrations)
}, 60_000)
afterAll(async () => {
  for (const workspace of workspaces) await workspace.close()
  for (const region of regions) await region.stop()
  await database.close()
  rmSync(folder, { recursive: true, force: true })
})

async function plant(east: Workspace): Promise<void> {
  const epoch = 1
  await east.putObject(
    { kind: 'datastore', path: ['lake'] },
    {
      properties: {
        ...{ datastoreType: 'AzureBlob', accountName: 'elsewhere', containerName: 'c' },
        credentials: { credentialsType: 'AccountKey' },
      },
    },
    { epoch, secrets: secretOf({ secretsType: 'AccountKey', key: planted.datastoreKey }) },
  )
  await east.putObject(
    { kind: 'connection', path: ['feed'] },
    { properties: { category: 'PythonFeed', target: 'https://feed.example', authType: 'PAT' } },
    { epoch, secrets: secretOf({ pat: planted.connection }) },
  )
  await east.putObject(
    { kind: 'online-endpoint', path: ['planted'] },
    { location: 'eastus', identity: { type: 'SystemAssigned' }, properties: { authMode: 'Key' } },
    { epoch },
  )
  await putData(east, 'signed', planted.signatureOfData)
  await east.submitJob(
    'job-with-address',
    {
      properties: {
        ...{ jobType: 'Command', command: 'sleep 60', experimentName: 'x' },
        environmentVariables: { SOURCE: signed(planted.signatureOfJob) },
        inputs: { data: { jobInputType: 'uri_file', uri: signed(planted.signatureOfJob) } },
      },
    },
    { epoch },
  )
}

function putData(workspace: Workspace, name: string, signature: string, tags = {}) {
  return workspace.putObject(
    { kind: 'data', path: [name, '1'] },
    { properties: { dataType: 'uri_file', dataUri: signed(signature), tags } },
    { epoch: 1 },
  )
}

it('keeps no planted secret in database, state directory, plans or reports', async () => {
  const east = await start('east', 'eastus')
  const west = await start('west', 'westus')
  await plant(east)
  // A conflict, so that something is put aside.
  await putData(east, 'both', planted.signatureOfKept, { side: 'east' })
  await putData(west, 'both', planted.signatureOfKept, { side: 'west' })
  const keys = await east.readSecrets({ kind: 'online-endpoint', path: ['planted'] })
  const endpointKeys = Object.values(keys?.reveal() ?? {}).filter((one) => typeof one === 'string')
  expect(endpointKeys).not.toEqual([])
  const planFile = join(folder, 'continuity.yaml')
  writeFileSync(
    planFile,
    `conflicts: [{ kind: data, name: both, keep: target }]
members:
  east: { workspace: "${idOf('east')}", role: primary }
  west: { workspace: "${idOf('west')}" }
`,
  )
  const records = postgresRecords(database)
  const context: ReplicationContext = {
    ...{ group: 'default', plan: await loadPlan(planFile), source: east, target: west },
    ...{ ledger: records.ledger, definitions: records.definitions, epoch: 1 },
    resolutions: records.resolutions,
    clock: () => new Date(),
  }
  const said: unknown[] = [await planReplication(context)]
  await captureOpenJobs({
    target: west,
    ...{ group: 'default', source: stillRunning(east), store: records.jobs, epoch: 1 },
    now: context.clock,
    relocate: (_, body) => ({ body, unresolved: [] }) as never,
  })
  said.push(await replicate(context))
  // The secrets did arrive, else their absence elsewhere would prove nothing.
  const lake = await west.readSecrets({ kind: 'datastore', path: ['lake'] })
  expect(JSON.stringify(lake?.reveal())).toContain(planted.datastoreKey)
  const feed = await west.readSecrets({ kind: 'connection', path: ['feed'] })
  expect(JSON.stringify(feed?.reveal())).toContain(planted.connection)
  const direction = { group: 'default', source: 'east', target: 'west' }
  const rows = await records.ledger.rows(direction, { limit: 1000 })
  said.push(rows, await verify(context, { share: 1, seed: 's' }), await findDrift(context))
  said.push(
    await listConflicts(
      context,
      rows.filter(({ kind }) => kind === 'data'),
    ),
  )
  said.push(await records.resolutions.kept(direction))
  expect(await records.resolutions.kept(direction)).toHaveLength(1)
  expect((await records.jobs.readCapture('default', 'east'))?.jobs).toHaveLength(1)

  const found = [JSON.stringify(said), await dump(), ...filesBelow(join(folder, 'state'))]
  for (const [name, value] of [...Object.entries(planted), ...endpointKeys.map((k) => ['key', k])])
    expect(
      found.some((text) => text.includes(String(value))),
      String(name),
    ).toBe(false)
}, 120_000)

/** Whatever became of its jobs by now: an open one is captured with its whole specification. */
function stillRunning(workspace: Workspace): Parameters<typeof captureOpenJobs>[0]['source'] {
  return {
    name: workspace.name,
    completedSteps: (job, options) => workspace.completedSteps(job, options),
    readSealingKey: (options) => workspace.readSealingKey(options),
    makeSealingKey: (options) => workspace.makeSealingKey(options),
    listObjects: async (kind, options) => {
      const page = await workspace.listObjects(kind, options)
      const items = page.items.map(({ body, ...rest }) => {
        const properties = { ...(body.properties as JsonObject), status: 'Running' }
        return { ...rest, body: { ...body, properties } }
      })
      return { ...page, items }
    },
  }
}

/** Every row of every table. */
async function dump(): Promise<string> {
  const tables = await sql<{ name: string }>`select format('%I.%I', schemaname, tablename) as name
    from pg_tables where schemaname not in ('pg_catalog', 'information_schema')`.execute(
    database.kysely,
  )
  const texts: string[] = []
  for (const { name } of tables.rows) {
    const { rows } = await sql`select * from ${sql.raw(name)}`.execute(database.kysely)
    texts.push(JSON.stringify(rows))
  }
  expect(texts.join('').length).toBeGreaterThan(1000)
  return texts.join('\n')
}

function filesBelow(path: string): string[] {
  return readdirSync(path, { recursive: true, encoding: 'utf8' }).flatMap((name) => {
    const file = join(path, name)
    return statSync(file, { throwIfNoEntry: false })?.isFile() ? [readFileSync(file, 'latin1')] : []
  })
}
