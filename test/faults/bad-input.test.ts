import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RestClient } from '../../src/cli/demo/rest-client.ts'
import {
  createProtectedPair,
  entry,
  type ProtectedPair,
  type RegionPair,
  startRegionPair,
} from './protected-pair.ts'

/** What people get wrong and what regions do: one clear error each, an exit code, and nothing lost. */
describe('commands in bad circumstances, on real regions', () => {
  let folder: string
  let pair: RegionPair
  let group: ProtectedPair

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'holdfast-bad-'))
    pair = await startRegionPair(folder)
    group = await createProtectedPair(pair, 'bad')
  }, 120_000)

  afterAll(async () => {
    await group?.stopGateway()
    await pair?.processes.stopAll()
    rmSync(folder, { recursive: true, force: true })
  })

  const holdfast = (command: string, ...more: string[]) =>
    pair.processes.run([
      ...[command, '--json', '--plan', group.planFile, '--state', group.stateDir],
      ...more,
    ])
  const errorOf = ({ stdout }: { readonly stdout: string }) => {
    const [line = '{}'] = stdout.trim().split('\n').slice(-1)
    const document = JSON.parse(line) as {
      error?: { code: string; hint?: string }
      operation?: { outcome: string; error: { code: string; hint?: string } | null }
    }
    return document.error ?? document.operation?.error ?? undefined
  }
  const refused = async (
    expected: { readonly code: number; readonly error: string },
    command: string,
    ...more: string[]
  ) => {
    const ended = await holdfast(command, ...more)
    expect({ code: ended.code, error: errorOf(ended)?.code }).toEqual(expected)
    expect(errorOf(ended)?.hint ?? ended.stderr).toMatch(/\S/)
  }

  it('ends a server that cannot start, although its parent lives on', async () => {
    const server = spawn(process.execPath, [
      ...[entry, 'controller', '--plan', join(folder, 'no.yaml')],
      ...['--state', join(folder, 'no-state'), '--exit-with-parent'],
    ])
    const [code] = (await once(server, 'exit')) as [number]
    expect(code).toBe(2)
  }, 60_000)

  it('copies everything when all is well', async () => {
    expect((await holdfast('sync')).code).toBe(0)
  }, 120_000)

  it('a plan file that is not there, or wrong', async () => {
    await refused({ code: 2, error: 'plan.not-found' }, 'sync', '--plan', join(folder, 'no.yaml'))
    const wrong = join(folder, 'wrong.yaml')
    writeFileSync(wrong, readFileSync(group.planFile, 'utf8').replace('role: primary', 'rol: x'))
    await refused({ code: 2, error: 'plan.invalid' }, 'sync', '--plan', wrong)
  }, 60_000)

  it('a port in use, and a second controller on the same state directory', async () => {
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const { port } = taken.address() as { port: number }
    await refused(
      { code: 6, error: 'address.in-use' },
      'controller',
      '--listen',
      `127.0.0.1:${port}`,
    )
    taken.close()
    await pair.processes.start('first', [
      ...['controller', '--json', '--plan', group.planFile, '--state', group.stateDir],
      ...['--listen', '127.0.0.1:0', '--sync-every', '1h', '--exit-with-parent'],
    ])
    await refused({ code: 6, error: 'controller.already-running' }, 'controller')
    await pair.processes.kill('first')
  }, 60_000)

  it('a failover of a primary that answers is refused before anything is done', async () => {
    await refused({ code: 4, error: 'failover.source-answers' }, 'failover', '--yes')
    expect(JSON.parse((await holdfast('status')).stdout).groups[0]).toMatchObject({
      epoch: 1,
      effectivePrimary: 'east',
      protection: 'protected',
    })
  }, 60_000)

  it('a full disk in the secondary: not proven, and complete as soon as there is room', async () => {
    const west = ['--data', join(folder, 'west'), '--json']
    await pair.processes.run(['region', 'fault', 'add', 'fullDisk', ...west])
    const east = await group.openEast()
    await east.putObject(
      { kind: 'model', path: ['late', '1'] },
      { properties: { modelUri: 'azureml://datastores/workspaceblobstore/paths/late/' } },
      { epoch: 1 },
    )
    await east.close()
    const full = await holdfast('sync')
    expect(full.code).toBe(3)
    expect(full.stdout).toContain('workspace.storage-full')
    await pair.processes.run(['region', 'fault', 'lift', ...west])
    expect((await holdfast('sync')).code).toBe(0)
  }, 120_000)

  it('a secret that the region does not accept', async () => {
    const cloud = JSON.parse(readFileSync(pair.west, 'utf8')) as { clientSecretFile: string }
    const file = join(folder, 'west', cloud.clientSecretFile)
    const secret = readFileSync(file)
    writeFileSync(file, 'not the secret')
    try {
      await refused({ code: 4, error: 'workspace.sign-in-failed' }, 'plan')
    } finally {
      writeFileSync(file, secret)
    }
  }, 60_000)

  it('a secondary that somebody deleted', async () => {
    const west = await RestClient.open(pair.west)
    await west.bytes(`${group.workspaces.west}?api-version=2025-12-01`, { method: 'DELETE' })
    await west.close()
    await refused({ code: 4, error: 'workspace.not-found' }, 'plan')
    const status = JSON.parse((await holdfast('status')).stdout).groups[0]
    expect(status).toMatchObject({ effectivePrimary: 'east', epoch: 1 })
  }, 60_000)

  it('a secondary that does not answer', async () => {
    await pair.processes.cutPower('west')
    await refused({ code: 5, error: 'workspace.unreachable' }, 'sync')
    await refused({ code: 5, error: 'workspace.unreachable' }, 'plan')
  }, 120_000)
})
