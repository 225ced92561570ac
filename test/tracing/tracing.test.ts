import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  createProtectedPair,
  type ProtectedPair,
  type RegionPair,
  startRegionPair,
} from '../faults/protected-pair.ts'
import { type Collector, type SeenSpan, startCollector } from './collector.ts'

/** A command, its controller and two regions, each a process, and a collector that hears them. */
describe('one trace from a command to the calls of the workspaces', () => {
  let folder: string
  let collector: Collector
  let pair: RegionPair
  let group: ProtectedPair
  let ended: { readonly code: number; readonly stdout: string; readonly stderr: string }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-tracing-'))
    collector = await startCollector()
    const env = {
      ...process.env,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_BSP_SCHEDULE_DELAY: '200',
    }
    pair = await startRegionPair(folder, env)
    group = await createProtectedPair(pair, 'traced')
    const { planFile, stateDir } = group
    await pair.processes.start('controller', [
      ...['controller', '--plan', planFile, '--state', stateDir, '--listen', '127.0.0.1:0'],
      ...['--sync-every', '1h', '--exit-with-parent', '--json'],
    ])
    ended = await pair.processes.run([
      ...['sync', '--plan', planFile, '--state', stateDir, '--json'],
    ])
  }, 180_000)

  afterAll(async () => {
    await group?.stopGateway()
    await pair?.processes.stopAll()
    await collector?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const find = (name: string) => collector.spans.find((span) => span.name === name)
  const parentOf = ({ parentSpanId }: SeenSpan) =>
    collector.spans.find(({ spanId }) => spanId === parentSpanId)

  it('leads from the command through the request, the operation and its step', async () => {
    expect(ended, ended.stderr).toMatchObject({ code: 0 })
    const chain = ['holdfast sync', 'POST /api/v1/groups/:group/sync', 'operation sync']
    await expect.poll(() => chain.every((name) => find(name)), { timeout: 60_000 }).toBe(true)
    const [command, request, operation] = chain.map((name) => find(name) as SeenSpan)
    expect(command).toMatchObject({ service: 'holdfast', parentSpanId: '' })
    expect(request).toMatchObject({
      ...{ service: 'holdfast-controller', parentSpanId: command?.spanId },
      attributes: { 'http.response.status_code': '202', 'holdfast.group': 'traced' },
    })
    const id = operation?.attributes['holdfast.operation'] ?? 'none'
    expect(ended.stdout).toContain(`"${id}"`)
    expect(operation).toMatchObject({
      ...{ parentSpanId: request?.spanId, traceId: command?.traceId },
      attributes: { 'holdfast.group': 'traced' },
    })
    const steps = collector.spans.filter(({ parentSpanId }) => parentSpanId === operation?.spanId)
    expect(steps.map(({ name }) => name.split(' ')[0])).toContain('step')
  }, 90_000)

  it('reaches both workspaces, reads and writes, each within a step', async () => {
    const calls = () => collector.spans.filter(({ name }) => name.startsWith('workspace '))
    const isSeen = (name: string, member: string) =>
      calls().some((span) => span.name === name && span.attributes['holdfast.member'] === member)
    await expect
      .poll(
        () => isSeen('workspace putObject', 'west') && isSeen('workspace listObjects', 'east'),
        {
          timeout: 60_000,
        },
      )
      .toBe(true)
    const trace = find('holdfast sync')?.traceId
    const written = calls().filter(({ name }) => name === 'workspace putObject')
    for (const call of written) {
      expect(call.traceId).toBe(trace)
      await expect.poll(() => parentOf(call)?.name, { timeout: 30_000 }).toMatch(/^step /)
    }
  }, 90_000)

  it('tells no secret: no token, no key, no signed address', () => {
    const { token } = JSON.parse(readFileSync(join(group.stateDir, 'controller.json'), 'utf8')) as {
      token: string
    }
    const told = collector.text()
    for (const secret of [token, 'sig=', 'Bearer', 'AccountKey', 'authorization'])
      expect(told.includes(secret), secret).toBe(false)
  })
})
