import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { describe, expect, it } from 'vitest'

const src = resolve(import.meta.dirname, '..', 'src')

/** Layer numbers of ARCHITECTURE.md; a folder may import itself and lower layers. */
const layers: Record<string, number> = {
  facts: 0,
  model: 1,
  telemetry: 2,
  plan: 2,
  specification: 4,
  store: 2,
  api: 2,
  workspace: 3,
  replication: 4,
  runbook: 4,
  jobs: 4,
  detection: 4,
  traffic: 4,
  assess: 4,
  evidence: 4,
  notify: 4,
  backup: 4,
  recovery: 4,
  template: 4,
  runbooks: 5,
  controller: 6,
  cli: 7,
}

function* files(dir: string): Generator<string> {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name)
    if (entry.isDirectory()) yield* files(path)
    else if (entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts')) yield path
  }
}

/** Every relative import as [from folder, to folder, sentence]. */
function edges(): Array<[string, string, string]> {
  const found: Array<[string, string, string]> = []
  for (const file of files(src)) {
    const from = relative(src, file).split(sep)[0] ?? ''
    for (const [, target = ''] of readFileSync(file, 'utf8').matchAll(
      /(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g,
    )) {
      const to = relative(src, resolve(dirname(file), target)).split(sep)[0] ?? ''
      if (from !== to) found.push([from, to, `${relative(src, file)} imports ${target}`])
    }
  }
  return found
}

/** Test suites that other parts run (the contract suites) may be imported by tests only. */
const allowed = (from: string, to: string): boolean => {
  if (from === 'region') return to === 'facts'
  if (to === 'region') return from === 'cli'
  const a = layers[from]
  const b = layers[to]
  return a !== undefined && b !== undefined && a > b
}

describe('import direction', () => {
  it('runs from the top layer to the bottom, never up and never sideways', () => {
    const found = edges()
    expect(found.length).toBeGreaterThan(0)
    expect(
      found.filter(([from, to]) => !allowed(from, to)).map(([, , sentence]) => sentence),
    ).toEqual([])
  })
})
