import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import type { Place } from '../model/place.ts'
import type { StableTarget } from './stable-endpoint.ts'
import { workspaceConfigEndpoint } from './workspace-config.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})
function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'holdfast-config-'))
  folders.push(made)
  return made
}

function target(workspaceName: string): StableTarget {
  const place: Place = {
    subscriptionId: '00000000-0000-0000-0000-000000000001',
    resourceGroup: `rg-${workspaceName}`,
    workspaceName,
    workspaceGuid: 'guid',
    region: 'eastus',
    storageAccount: 'account',
    blobOrigin: 'https://localhost',
    apiOrigin: 'https://localhost',
    associated: {
      storageAccount: undefined,
      keyVault: undefined,
      applicationInsights: undefined,
      containerRegistry: undefined,
    },
    containers: {},
  }
  return { place }
}

const json = (path: string) => JSON.parse(readFileSync(path, 'utf8'))

describe('config.json', () => {
  it('is made when it is missing, with what official clients read', async () => {
    const path = join(folder(), 'config.json')
    const endpoint = workspaceConfigEndpoint({ path })
    expect(await endpoint.current()).toBeUndefined()
    await endpoint.switchTo({ member: 'east', epoch: 1 }, target('ws-east'))
    expect(json(path)).toEqual({
      subscription_id: '00000000-0000-0000-0000-000000000001',
      resource_group: 'rg-ws-east',
      workspace_name: 'ws-east',
      holdfast: { member: 'east', epoch: 1 },
    })
    expect(await endpoint.current()).toEqual({ member: 'east', epoch: 1 })
    await endpoint.verify({ member: 'east', epoch: 1 })
    await expect(endpoint.verify({ member: 'west', epoch: 1 })).rejects.toMatchObject({
      code: 'traffic.not-switched',
    })
  })

  it('keeps what it does not know, and rewrites Scope, which clients prefer', async () => {
    const path = join(folder(), 'config.json')
    const scope = (rg: string, ws: string) =>
      `/subscriptions/00000000-0000-0000-0000-000000000001/resourceGroups/${rg}/providers/Microsoft.MachineLearningServices/workspaces/${ws}`
    const own = { Id: null, Scope: scope('old', 'old'), workspace_name: 'old', extra: { a: [1] } }
    writeFileSync(path, `\uFEFF${JSON.stringify(own)}`, { mode: 0o640 })
    const endpoint = workspaceConfigEndpoint({ path })
    await endpoint.switchTo({ member: 'west', epoch: 2 }, target('ws-west'))
    expect(json(path)).toMatchObject({
      Id: null,
      Scope: scope('rg-ws-west', 'ws-west'),
      workspace_name: 'ws-west',
      extra: { a: [1] },
    })
    expect(statSync(path).mode & 0o777).toBe(0o640)
  })

  it('refuses an older epoch, and another member in the same one (I1)', async () => {
    const path = join(folder(), 'config.json')
    const endpoint = workspaceConfigEndpoint({ path })
    await endpoint.switchTo({ member: 'west', epoch: 2 }, target('ws-west'))
    for (const pointer of [
      { member: 'west', epoch: 1 },
      { member: 'east', epoch: 2 },
    ]) {
      await expect(endpoint.switchTo(pointer, target('ws-east'))).rejects.toMatchObject({
        code: 'epoch.stale',
      })
    }
    expect(json(path).workspace_name).toBe('ws-west')
  })

  it('is not written again when nothing changes', async () => {
    const path = join(folder(), 'config.json')
    const endpoint = workspaceConfigEndpoint({ path })
    await endpoint.switchTo({ member: 'west', epoch: 2 }, target('ws-west'))
    const { ino } = statSync(path)
    await endpoint.switchTo({ member: 'west', epoch: 2 }, target('ws-west'))
    expect(statSync(path).ino).toBe(ino)
  })

  it('that is somebody’s broken file is left alone', async () => {
    const path = join(folder(), 'config.json')
    for (const text of ['{"subscription_id":', '[]', 'null']) {
      writeFileSync(path, text)
      const endpoint = workspaceConfigEndpoint({ path })
      await expect(
        endpoint.switchTo({ member: 'east', epoch: 1 }, target('ws-east')),
      ).rejects.toMatchObject({ code: 'traffic.config-unreadable', kind: 'operator' })
      expect(readFileSync(path, 'utf8')).toBe(text)
    }
  })

  it('behind a link is changed where it is', async () => {
    const dir = folder()
    const real = join(dir, 'real.json')
    const path = join(dir, 'config.json')
    writeFileSync(real, '{"extra":1}')
    symlinkSync(real, path)
    const endpoint = workspaceConfigEndpoint({ path })
    await endpoint.switchTo({ member: 'east', epoch: 1 }, target('ws-east'))
    expect(json(real)).toMatchObject({ extra: 1, workspace_name: 'ws-east' })
  })

  it('is never seen torn: old or new, whatever is in it', async () => {
    const kept = fc.dictionary(
      fc.string({ maxLength: 8 }).filter((key) => key !== '__proto__' && key !== 'holdfast'),
      fc.string({ minLength: 2000, maxLength: 8000 }),
      { minKeys: 5, maxKeys: 20 },
    )
    await fc.assert(
      fc.asyncProperty(kept, async (extra) => {
        const dir = folder()
        const path = join(dir, 'config.json')
        const endpoint = workspaceConfigEndpoint({ path })
        writeFileSync(path, JSON.stringify(extra))
        let isOver = false
        const seen = new Set<number>()
        const reader = async () => {
          while (!isOver) {
            const { holdfast, workspace_name, ...rest } = JSON.parse(await readFile(path, 'utf8'))
            seen.add(holdfast?.epoch ?? 0)
            if (holdfast !== undefined) expect(workspace_name).toBe(`ws-${holdfast.epoch}`)
            expect(rest).toMatchObject(extra)
          }
        }
        const readers = [reader(), reader(), reader()]
        for (let epoch = 1; epoch <= 5; epoch++) {
          await endpoint.switchTo({ member: `m${epoch}`, epoch }, target(`ws-${epoch}`))
        }
        isOver = true
        await Promise.all(readers)
        expect(seen.size).toBeGreaterThan(1)
        expect(await readdir(dir)).toEqual(['config.json'])
      }),
      { numRuns: 15 },
    )
  })
})
