import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createProtectedPair, startRegionPair } from '../faults/protected-pair.ts'
import { type Counts, countsOf } from './counts.ts'

/** Started by scripts/api-fuzz.mjs, which brings the interpreter. */
const { values } = parseArgs({
  options: {
    python: { type: 'string' },
    examples: { type: 'string', default: '5' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    short: { type: 'boolean', default: false },
  },
})
const python = values.python
if (python === undefined) throw new Error('--python is missing: npm run test:api-fuzz')
const folder = mkdtempSync(join(tmpdir(), 'holdfast-api-fuzz-'))
let status = 1
try {
  status = await fuzz(python)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
process.exitCode = status

async function fuzz(python: string): Promise<number> {
  const pair = await startRegionPair(folder)
  const group = await createProtectedPair(pair, 'fuzz')
  try {
    await pair.processes.start('controller', [
      ...['controller', '--plan', group.planFile, '--state', group.stateDir],
      ...['--listen', '127.0.0.1:0', '--exit-with-parent', '--json'],
    ])
    const note = JSON.parse(readFileSync(join(group.stateDir, 'controller.json'), 'utf8')) as Note
    const described = await describe(note)
    if (!isValid(python, described.file)) return 1
    return await call(python, note, described)
  } finally {
    await group.stopGateway()
    await pair.processes.stopAll()
  }
}

interface Note {
  readonly url: string
  readonly token: string
}

interface Described {
  readonly file: string
  readonly operations: readonly string[]
}

async function describe({ url, token }: Note): Promise<Described> {
  const answer = await fetch(`${url}/openapi.json`, {
    headers: { authorization: `Bearer ${token}` },
  })
  const text = await answer.text()
  const { openapi, paths } = JSON.parse(text) as {
    openapi: string
    paths: Record<string, Record<string, unknown>>
  }
  if (!openapi.startsWith('3.1.')) throw new Error(`OpenAPI ${openapi} where 3.1 is promised`)
  const file = join(folder, 'openapi.json')
  writeFileSync(file, text)
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
  return { file, operations }
}

function isValid(python: string, file: string): boolean {
  const { status } = spawnSync(python, ['-m', 'openapi_spec_validator', file], { stdio: 'inherit' })
  return status === 0
}

async function call(python: string, { url, token }: Note, described: Described): Promise<number> {
  const report = join(folder, 'events.ndjson')
  // In a file, because arguments are seen by everybody on this machine (I9).
  const config = join(folder, 'schemathesis.toml')
  writeFileSync(config, configOf(token), { mode: 0o600 })
  const started = Date.now()
  const child = spawn(
    python,
    [
      ...['-m', 'schemathesis.cli', '--config-file', config, 'run', described.file, '--url', url],
      ...['--max-examples', values.examples, '--seed', values.seed, '--continue-on-failure'],
      ...(values.short ? ['--phases', 'fuzzing', '--workers', '2'] : []),
      ...['--generation-database', 'none', '--report', 'ndjson', '--report-ndjson-path', report],
      ...(values.only === undefined ? [] : ['--include-path-regex', values.only]),
    ],
    { stdio: ['ignore', 'inherit', 'inherit'], cwd: folder },
  )
  const [code] = (await once(child, 'exit')) as [number | null]
  const counts = countsOf(readFileSync(report, 'utf8'))
  print(counts, described.operations, Date.now() - started)
  const untouched =
    values.only === undefined ? described.operations.filter((name) => !counts.has(name)) : []
  for (const name of untouched) console.log(`NEVER CALLED: ${name}`)
  return code === 0 && untouched.length === 0 ? 0 : 1
}

/** Names that exist, or every call would end at the name of the group. */
function configOf(token: string): string {
  return [
    'max-stream-events = 1',
    'request-timeout = 60',
    '[checks]',
    // Who may call what is held against every operation in test/access; here strangers are soon throttled.
    'ignored_auth.enabled = false',
    'missing_required_header.expected-statuses = [400, 401, 429]',
    // An Idempotency-Key may have begun another type of operation.
    'positive_data_acceptance.expected-statuses = ["2xx", 401, 403, 404, 409, 422, 429, "5xx"]',
    '[headers]',
    `Authorization = "Bearer ${token}"`,
    '[parameters]',
    '"path.group" = "fuzz"',
    // Any text may be asked for; that some are no ids or cursors is told by 400.
    '[[operations]]',
    'include-path-regex = "/objects/|/conflicts/resolve|/runs$"',
    'checks.positive_data_acceptance.expected-statuses = ["2xx", 400, 404, 409, 422, "5xx"]',
    '',
  ].join('\n')
}

function print(counts: Counts, operations: readonly string[], tookMs: number): void {
  const row = (name: string) =>
    [...(counts.get(name) ?? [])]
      .sort(([a], [b]) => a - b)
      .map(([status, calls]) => `${status}: ${calls}`)
      .join('  ')
  const width = Math.max(...operations.map((name) => name.length))
  for (const name of operations) console.log(`${name.padEnd(width)}  ${row(name)}`)
  const sum = [...counts.values()]
    .flatMap((statuses) => [...statuses.values()])
    .reduce((all, one) => all + one, 0)
  const called = operations.filter((name) => counts.has(name)).length
  console.log(
    `${sum} calls, of ${called} of ${operations.length} operations and of methods that they have not, in ${(tookMs / 1000).toFixed(0)} s`,
  )
}
