import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { Processes } from '../../src/cli/demo/processes.ts'
import { buildBundle } from '../../src/cli/testing/run-cli.ts'
import type { JsonObject } from '../../src/model/json.ts'
import { openDatabase } from '../../src/store/database.ts'
import type { Workspace } from '../../src/workspace/workspace.ts'
import {
  createProtectedPair,
  entry,
  type ProtectedPair,
  type RegionPair,
  startRegionPair,
} from '../faults/protected-pair.ts'
import { type Collector, startCollector } from '../tracing/collector.ts'
import { type Listeners, readEvents, startListeners } from './listeners.ts'
import { Planted, plantInWorkspace } from './planted.ts'
import { dumpTables, Findings } from './search.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-secrets-'))
const planted = new Planted()
const found = new Findings()
let pair: RegionPair
let made: ProtectedPair
let processes: Processes
let receiver: Server
let listeners: Listeners
let collector: Collector
let events: () => Promise<string>
let east: Workspace
let west: Workspace

/** Each is where the plan says that a secret is: in a file or in the controller's environment. */
const variables = {
  PLANTED_SLACK: 'notify: address of a hook',
  PLANTED_ROUTING_KEY: 'notify: routing key',
  PLANTED_GIT_TOKEN: 'token of a repository',
  PLANTED_GITHUB_TOKEN: 'token of a variable service',
} as const

beforeAll(async () => {
  buildBundle()
  // It refuses and repeats what it was told: nothing of that may be kept or shown.
  receiver = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk) => {
      text += chunk
    })
    request.on('end', () => {
      if (!request.url?.includes('planted')) found.add('what a service was sent', text)
      response.writeHead(request.url?.includes('planted') ? 500 : 401)
      response.end(`${request.url} ${JSON.stringify(request.headers)} ${text}`)
    })
  })
  await new Promise<void>((done) => receiver.listen(0, '127.0.0.1', done))
  listeners = await startListeners(planted.value('notify: password of a mail server'))
  collector = await startCollector()
  pair = await startRegionPair(join(folder, 'world'))
  made = await createProtectedPair(pair, 'secrets')
  await made.stopGateway()
  ;[east, west] = [await made.openEast(), await made.openWest()]
  await plantInWorkspace(east, planted)
  writePlan()
  processes = new Processes({ folder, logs: join(folder, 'logs'), entry, env: environment() })
  mkdirSync(join(folder, 'logs'))
}, 240_000)

afterAll(async () => {
  await processes?.stopAll()
  for (const one of [east, west]) await one?.close()
  await pair?.processes.stopAll()
  receiver?.closeAllConnections()
  receiver?.close()
  await listeners?.close()
  await collector?.close()
  rmSync(folder, { recursive: true, force: true })
}, 120_000)

const origin = () => `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`

function environment(): NodeJS.ProcessEnv {
  const values = Object.entries(variables).map(([name, place]) => [name, planted.value(place)])
  const slack = `${origin()}/${planted.value('notify: address of a hook')}`
  return {
    ...{ ...process.env, HOLDFAST_LOG_LEVEL: 'trace', NO_COLOR: '1' },
    ...Object.fromEntries(values),
    PLANTED_SLACK: slack,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  }
}

let sound = ''
function writePlan(): void {
  sound = readFileSync(made.planFile, 'utf8').replace('resubmit: checkpointed', 'resubmit: all')
  const secretFile = (place: string, prefix = '') => {
    const file = join(folder, place.replaceAll(/\W+/g, '-'))
    writeFileSync(file, prefix + planted.value(place), { mode: 0o600 })
    return JSON.stringify(file)
  }
  const { port } = receiver.address() as AddressInfo
  const hook = secretFile('notify: address of a webhook', `${origin()}/`)
  const heard = secretFile('notify: address of a webhook that answers', `${listeners.origin}/`)
  const password = secretFile('notify: password of a mail server')
  const notify = `
notify:
  - { webhook: { file: ${hook} } }
  - { webhook: { file: ${heard} }, name: heard }
  - { slack: { env: PLANTED_SLACK } }
  - { pagerduty: { env: PLANTED_ROUTING_KEY }, address: "${origin()}/enqueue-planted" }
  - { smtp: "smtp://127.0.0.1:${port}", from: a@example.com, to: [b@example.com], user: me, password: { file: ${password} } }
  - { smtp: "${listeners.mailServer}", name: read, from: a@example.com, to: [b@example.com], user: me, password: { file: ${password} } }
`
  sound += notify
  const failing = `
  - { workspaceConfigGit: "${origin()}/repo.git", token: PLANTED_GIT_TOKEN }
  - { github: owner/repository, api: "${origin()}/api", token: PLANTED_GITHUB_TOKEN }`
  writeFileSync(made.planFile, sound.replace(/^endpoints:/m, `endpoints:${failing}`))
}

const where = () => ['--plan', made.planFile, '--state', made.stateDir]

async function run(...words: string[]): Promise<{ code: number; stdout: string }> {
  const { code, stdout, stderr } = await processes.run(words)
  found.add(`stdout of ${words.join(' ')}`, stdout)
  found.add(`stderr of ${words.join(' ')}`, stderr)
  return { code, stdout }
}

const ask = (command: string) => run(...command.split(' '), ...where())

async function startController(): Promise<void> {
  const args = ['--listen', '127.0.0.1:0', '--sync-every', '1h', '--exit-with-parent', '--json']
  await processes.start('controller', ['controller', ...where(), ...args])
  const { url, token } = controllerNote()
  events = await readEvents(url, token)
}

async function killController(): Promise<void> {
  await processes.kill('controller')
  const text = await events()
  expect.soft(text).toContain('sync')
  found.add('events', text)
}

function controllerNote() {
  const note = JSON.parse(readFileSync(join(made.stateDir, 'controller.json'), 'utf8'))
  return note as { url: string; token: string }
}

/** Every answer of the API that can be asked for without knowing a name, and the first events. */
async function readApi(): Promise<void> {
  const { url, token } = controllerNote()
  const get = (path: string, signal = AbortSignal.timeout(60_000)) =>
    fetch(url + path, { headers: { authorization: `Bearer ${token}` }, signal })
  const document = (await (await get('/openapi.json')).json()) as {
    paths: Record<string, Record<string, unknown>>
  }
  const operations = await (await get('/api/v1/groups/secrets/operations')).text()
  const ids = new Set(operations.match(/"id":"[^"]+"/g)?.map((text) => text.slice(6, -1)))
  const known = ['job/train-planted', 'model/cold-signed/1', 'datastore/d_key']
  const paths = Object.entries(document.paths).flatMap(([path, methods]) => {
    if (methods.get === undefined || /events/.test(path)) return []
    const named = path.replace('{group}', 'secrets')
    if (!named.includes('{')) return [named]
    const names = /\{(id|operation)\}/.test(named) ? [...ids] : known
    return names.map((name) => named.replace(/\{\w+\}/, encodeURIComponent(name)))
  })
  for (const path of [...paths, '/metrics'])
    found.add(`GET ${path}`, await (await get(path)).text())
  for (const object of known)
    found.add(
      `detail of ${object}`,
      await (
        await get(`/api/v1/groups/secrets/object?object=${encodeURIComponent(object)}`)
      ).text(),
    )
}

/** What anybody on the machine can see of processes; and what the database's were given. */
function readProcesses(): void {
  if (process.platform !== 'linux') {
    console.warn('NOT LOOKED AT: the process list, which is read from /proc of Linux')
    return
  }
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'latin1')
      found.add('arguments of a process', words)
      if (/postgres/.test(words.split('\0')[0] ?? ''))
        found.add('environment of PostgreSQL', readFileSync(`/proc/${pid}/environ`, 'latin1'))
    } catch (error) {
      // One that has ended meanwhile.
      if (!['ENOENT', 'ESRCH'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
    }
}

async function score(): Promise<void> {
  const answer = await fetch(`${gatewayOrigin}/score`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${planted.value('key in a request to the gateway')}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ payments: [], note: planted.value('body of a request to the gateway') }),
  })
  await answer.text()
}

const looks = [
  ...['plan', 'sync --full --json', 'status', 'status --json', 'objects --json', 'jobs --json'],
  ...['drift', 'drift --json', 'conflicts --json', 'assess', 'verify --full --json'],
  ...['audit --json', 'audit verify', 'history --json', 'notify test --json'],
]

let gatewayOrigin = ''
async function startGateway(): Promise<void> {
  const log = join(folder, 'logs', 'access.log')
  const ready = await processes.start('gateway', [
    ...['gateway', ...where(), '--access-log', log, '--exit-with-parent', '--json'],
  ])
  gatewayOrigin = String(ready.origin)
}

it('shows and keeps no secret in whatever command, answer, log, report or table (I9)', async () => {
  const keys = await east.readSecrets({ kind: 'online-endpoint', path: ['fraud-scoring'] })
  for (const [name, key] of Object.entries(keys?.reveal() ?? {}))
    if (typeof key === 'string' && name.endsWith('Key')) planted.values.set(`endpoint ${name}`, key)

  await startGateway()
  await startController()
  const planFile = join(folder, 'plan.json')
  await run('plan', '--out', planFile, '--json', ...where())
  await ask('sync')
  readProcesses()
  await score()
  // Edited by hand at the secondary: a difference to be shown.
  await editVariables(west)
  for (const command of looks) await ask(command)
  for (const member of ['east', 'west'])
    await run(
      'export',
      join(folder, `export-${member}`),
      '--member',
      member,
      ...where().slice(0, 2),
    )
  await readApi()
  await killController()

  writeFileSync(made.planFile, sound)
  await startController()
  await ask('drill --yes')
  const moved = await run('failover', '--force', '--yes', '--json', ...where())
  expect.soft([0, 3], moved.stdout).toContain(moved.code)
  await ask('jobs')
  await ask('reprotect --yes')
  await ask('conflicts kept --json')
  await readApi()
  readProcesses()

  // The secrets did arrive, else their absence elsewhere would prove nothing.
  const job = await west.getObject({ kind: 'job', path: ['train-planted-e2'] })
  expect.soft(JSON.stringify(job?.body ?? '')).toContain(planted.value('variable of a job'))
  const deployment = await west.getObject({
    kind: 'online-deployment',
    path: ['fraud-scoring', 'blue'],
  })
  expect
    .soft(JSON.stringify(deployment?.body ?? ''))
    .toContain(planted.value('variable of a deployment'))

  // Told of the failover, each in its own words.
  for (const heard of [listeners.hooks, listeners.mails])
    await expect.poll(() => heard.join(), { timeout: 60_000 }).toContain('operation-ended')
  await killController()
  await processes.stopAll()
  for (const text of listeners.hooks) found.add('a webhook that was taken', text)
  for (const text of listeners.mails) found.add('a mail', text)
  expect.soft(collector.spans.length).toBeGreaterThan(100)
  found.add('spans', collector.text())
  const database = await openDatabase({ stateDir: made.stateDir })
  found.add('tables', await dumpTables(database))
  await database.close()
  found.addFiles('state directory', made.stateDir)
  found.addFiles('logs', join(folder, 'logs'))
  found.add('saved plan', readFileSync(planFile, 'utf8'))
  for (const member of ['east', 'west'])
    found.addFiles(`export of ${member}`, join(folder, `export-${member}`))
  expect.soft(found.places.join('\n')).toMatch(/reports\/failover.*html/)
  console.log(`${planted.values.size} secrets, ${found.places.length} places, ${found.sizeBytes} B`)
  expect(found.search(planted.values).filter((one) => !isOfGateway(one))).toEqual([])
}, 900_000)

/** A gateway exchanges the key of one member for that of another: its file (mode 0600) holds both. */
const isOfGateway = (one: string) =>
  /^endpoint (primary|secondary)Key: state directory\/gateway-scoring\.json$/.test(one)

async function editVariables(workspace: Workspace): Promise<void> {
  const id = { kind: 'schedule', path: ['planted'] } as const
  const schedule = await workspace.getObject(id)
  if (schedule === undefined) throw new Error('the schedule did not arrive')
  const text = JSON.stringify(schedule.body).replaceAll(
    planted.value('variable of a schedule'),
    planted.value('variable by hand'),
  )
  await workspace.putObject(id, JSON.parse(text) as JsonObject, { epoch: 1 })
}

it('would find one', () => {
  const values = new Map([['it', 'planted0123456789abcdef']])
  const looked = new Findings()
  looked.add('text', 'before planted0123456789abcdef after')
  looked.add('header', `Basic ${Buffer.from('token:planted0123456789abcdef').toString('base64')}`)
  looked.add('nothing', 'planted')
  expect(looked.search(values)).toEqual(['it: text', 'it: header'])
})
