import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { HoldfastError } from '../../src/model/errors.ts'
import { startTracing, tracingAskedFor } from '../../src/telemetry/start-tracing.ts'
import { inOperation, inSpan, logFields, traceparent } from '../../src/telemetry/tracing.ts'
import { startCollector } from './collector.ts'

const before = process.env.OTEL_EXPORTER_OTLP_ENDPOINT
afterEach(() => {
  if (before === undefined) delete process.env.OTEL_EXPORTER_OTLP_ENDPOINT
  else process.env.OTEL_EXPORTER_OTLP_ENDPOINT = before
})

const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' }

it.each([
  [{}, 'off'],
  [endpoint, 'on'],
  [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:4318/v1/traces' }, 'on'],
  [{ ...endpoint, OTEL_SDK_DISABLED: 'true' }, 'off'],
  [{ ...endpoint, OTEL_TRACES_EXPORTER: 'none' }, 'off'],
  [{ ...endpoint, OTEL_TRACES_EXPORTER: 'zipkin' }, 'unsupported'],
  [{ ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf' }, 'on'],
  [{ ...endpoint, OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, 'unsupported'],
])('what %j asks for: %s', (env, is) => {
  expect(tracingAskedFor(env).is).toBe(is)
})

it('names trace and operation in each line of a log, and an error by its code', async () => {
  const collector = await startCollector()
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = collector.url
  const stop = await startTracing({ service: 'test', version: '0' })
  const parent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  const fields: object[] = []
  const work = inSpan('outer', { parent }, () =>
    inOperation('sync-1', () =>
      inSpan('inner', {}, async () => {
        fields.push(logFields(), { parent: traceparent() })
        throw new HoldfastError('workspace.throttled', 'not to be told')
      }),
    ),
  )
  await expect(work).rejects.toMatchObject({ code: 'workspace.throttled' })
  await stop()
  await collector.close()
  const [inner, outer] = collector.spans
  expect(outer).toMatchObject({ name: 'outer', parentSpanId: 'b7ad6b7169203331' })
  expect(inner).toMatchObject({
    ...{ name: 'inner', parentSpanId: outer?.spanId, service: 'test' },
    attributes: { 'error.type': 'workspace.throttled' },
  })
  const trace = '0af7651916cd43dd8448eb211c80319c'
  expect(fields).toEqual([
    { operation: 'sync-1', trace_id: trace, span_id: inner?.spanId },
    { parent: `00-${trace}-${inner?.spanId}-01` },
  ])
  expect(collector.text()).not.toContain('not to be told')
})

it('names the operation without anybody who traces, and nothing outside of one', async () => {
  const meanwhile = await inOperation('sync-2', async () => [logFields(), traceparent()])
  expect(meanwhile).toEqual([{ operation: 'sync-2' }, undefined])
  expect(logFields()).toEqual({})
})

it('ends although the collector never answers', async () => {
  const silent = createServer(() => undefined)
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  const { port } = silent.address() as AddressInfo
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = `http://127.0.0.1:${port}`
  const stop = await startTracing({ service: 'test', version: '0' })
  await inSpan('lost', {}, async () => undefined)
  await stop()
  silent.closeAllConnections()
  silent.close()
}, 60_000)

it('shows what comes with the script of docs/observability.md', async () => {
  const page = readFileSync(
    join(import.meta.dirname, '..', '..', 'docs', 'observability.md'),
    'utf8',
  )
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-spans-'))
  const script = join(folder, 'spans.mjs')
  writeFileSync(script, /```js\n(.*?)```/s.exec(page)?.[1] ?? '')
  const child = spawn(process.execPath, [script], { env: { ...process.env, PORT: '0' } })
  let shown = ''
  child.stdout.on('data', (chunk) => {
    shown += String(chunk)
  })
  try {
    await expect.poll(() => shown, { timeout: 30_000 }).toMatch(/listening on \S+/)
    process.env.OTEL_EXPORTER_OTLP_ENDPOINT = /listening on (\S+)/.exec(shown)?.[1] ?? ''
    const stop = await startTracing({ service: 'test', version: '0' })
    await inSpan('seen', {}, async () => undefined)
    await stop()
    await expect
      .poll(() => shown, { timeout: 30_000 })
      .toMatch(/^[0-9a-f]{32} - > [0-9a-f]{16} seen$/m)
  } finally {
    child.kill()
    rmSync(folder, { recursive: true, force: true })
  }
}, 90_000)
