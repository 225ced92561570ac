import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { memoryWorkspace } from '../workspace/memory/memory-workspace.ts'
import { type ExportPlan, planExport } from './export-folder.ts'
import { compareExport, manifestName, writeExport } from './write-export.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-export-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const planOf = (files: Record<string, string>, isPartial = false): ExportPlan => ({
  isPartial,
  files: new Map(Object.entries(files).map(([path, text]) => [path, { text }])),
  counts: {},
  leftOut: [],
  failed: [],
  notCarried: [],
})

describe('writeExport', () => {
  it('takes away what is no more, and only what an export wrote', async () => {
    await writeExport(folder, planOf({ 'models/a/1.yml': 'a', 'models/b/1.yml': 'b' }))
    writeFileSync(join(folder, 'models', 'b', 'notes.txt'), 'mine')
    const change = await writeExport(folder, planOf({ 'models/c/1.yml': 'c' }))
    expect(change).toEqual({
      added: ['models/c/1.yml'],
      changed: [],
      removed: ['models/a/1.yml', 'models/b/1.yml'],
      unchanged: 0,
    })
    expect(readdirSync(join(folder, 'models'))).toEqual(['b', 'c'])
    expect(readFileSync(join(folder, 'models', 'b', 'notes.txt'), 'utf8')).toBe('mine')
  })

  it('takes nothing away when it does not know everything, and remembers that it might later', async () => {
    await writeExport(folder, planOf({ 'data/a/1.yml': 'a', 'models/b/1.yml': 'b' }))
    const change = await writeExport(folder, planOf({ 'models/c/1.yml': 'c' }, true))
    expect(change).toMatchObject({ added: ['models/c/1.yml'], removed: [] })
    expect(readdirSync(folder).sort()).toEqual(['data', manifestName, 'models'].sort())
    const whole = await writeExport(folder, planOf({ 'models/c/1.yml': 'c' }))
    expect(whole).toMatchObject({ removed: ['data/a/1.yml', 'models/b/1.yml'], unchanged: 1 })
  })

  it('refuses a folder with files of others, and changes nothing there', async () => {
    writeFileSync(join(folder, 'thesis.txt'), 'mine')
    await expect(writeExport(folder, planOf({ 'a.yml': 'a' }))).rejects.toMatchObject({
      code: 'export.folder-not-empty',
    })
    expect(readdirSync(folder)).toEqual(['thesis.txt'])
  })

  it('never removes a file that a manifest names outside of the folder', async () => {
    const inner = join(folder, 'inner')
    mkdirSync(inner)
    writeFileSync(join(folder, 'outside.txt'), 'mine')
    writeFileSync(
      join(inner, manifestName),
      JSON.stringify({ version: 1, files: ['../outside.txt'] }),
    )
    await writeExport(inner, planOf({}))
    expect(readdirSync(folder)).toContain('outside.txt')
  })

  it('says before writing what it would change', async () => {
    await writeExport(folder, planOf({ 'a.yml': 'a', 'b.yml': 'b' }))
    const plan = planOf({ 'a.yml': 'a', 'b.yml': 'other', 'c.yml': 'c' })
    expect(await compareExport(folder, plan)).toEqual({
      added: ['c.yml'],
      changed: ['b.yml'],
      removed: [],
      unchanged: 1,
    })
    expect(readFileSync(join(folder, 'b.yml'), 'utf8')).toBe('b')
  })
})

describe('planExport', () => {
  it('writes no file for a blob whose name climbs out of its folder', async () => {
    const workspace = memoryWorkspace()
    const { blobOrigin } = await workspace.describe()
    const call = { epoch: 1 }
    const bytes = new Blob(['x']).stream()
    const blob = { name: '../../evil.txt', sizeBytes: 1, etag: '', modifiedAt: '', metadata: {} }
    await workspace.writeBlob('container:snap', blob, bytes, call)
    const code = { properties: { codeUri: `${blobOrigin}/snap` } }
    await workspace.putObject({ kind: 'code', path: ['snap', '1'] }, code, call)
    const { subscriptionId, resourceGroup, workspaceName } = await workspace.describe()
    const id = `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}/providers/Microsoft.MachineLearningServices/workspaces/${workspaceName}/codes/snap/versions/1`
    await workspace.putObject(
      { kind: 'component', path: ['c', '1'] },
      { properties: { componentSpec: { type: 'command', command: 'x', code: `azureml:${id}` } } },
      call,
    )
    const plan = await planExport(workspace, { kinds: [], staging: folder })
    expect(plan.failed.map(({ error }) => error.code)).toEqual(['export.unsafe-name'])
    expect([...plan.files.keys()]).toEqual([])
    await workspace.close()
  })
})
