import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalObject } from '../../src/model/canonical.ts'
import type { JsonObject } from '../../src/model/json.ts'
import type { ObjectId } from '../../src/model/object-id.ts'
import { memoryWorkspace } from '../../src/workspace/memory/memory-workspace.ts'
import type { Workspace } from '../../src/workspace/workspace.ts'
import { propertyRuns } from '../property-runs.ts'
import { exportTo, filesOf, importFrom, secretsIn } from './round-trip.ts'

/** Texts that a careless YAML writer changes. */
const tricky = fc.oneof(
  fc.constantFrom('yes', 'on', 'null', '~', '1e3', '0x10', '012', '12:30:00', '2026-01-01', '<<'),
  fc.constantFrom(
    ' a',
    'a ',
    'a: b',
    '# c',
    '- d',
    '"',
    "'",
    'x\ny\n',
    '\u{1f680}',
    '$' + '{{a}}',
    '{{a}}',
  ),
  fc.string({ maxLength: 12 }),
)
const name = fc.stringMatching(/^[a-z][a-z0-9_-]{0,8}$/)
const version = fc.stringMatching(/^[0-9]{1,3}(\.[0-9]{1,2})?$/)
const map = fc.dictionary(name, tricky, { maxKeys: 3 })
const common = { description: tricky, tags: map, properties: map }

const objects = {
  environment: fc.record({ image: fc.constant('example.org/a:1'), condaFile: tricky, ...common }),
  data: fc.record({
    dataType: fc.constantFrom('uri_file', 'uri_folder', 'mltable'),
    dataUri: name.map((path) => `azureml://datastores/workspaceblobstore/paths/${path}/`),
    ...common,
  }),
  model: fc.record({
    modelType: fc.constantFrom('custom_model', 'mlflow_model'),
    modelUri: name.map((path) => `azureml://datastores/workspaceblobstore/paths/${path}/`),
    flavors: fc.dictionary(
      name,
      map.map((data) => ({ data })),
      { maxKeys: 2 },
    ),
    ...common,
  }),
  component: fc.record({
    description: tricky,
    tags: map,
    componentSpec: fc.record({
      type: fc.constant('command'),
      command: tricky,
      inputs: fc.dictionary(name, fc.record({ type: fc.constant('string'), default: tricky })),
    }),
  }),
} as const

const content = fc.uniqueArray(
  fc.constantFrom(...(Object.keys(objects) as (keyof typeof objects)[])).chain((kind) =>
    fc.record({
      id: fc.tuple(name, version).map((path): ObjectId => ({ kind, path })),
      body: (objects[kind] as fc.Arbitrary<object>).map(
        (properties) => ({ properties }) as unknown as JsonObject,
      ),
    }),
  ),
  { selector: ({ id }) => `${id.kind}/${id.path.join('/')}`, minLength: 1, maxLength: 8 },
)

/** What was said of an object; a component's specification gets its name and schema besides. */
function said(id: ObjectId, body: JsonObject): JsonObject {
  const { componentSpec, ...properties } = canonicalObject(id, body).properties as JsonObject
  if (componentSpec === undefined) return properties
  const { type, command, inputs } = componentSpec as JsonObject
  return { ...properties, type: type ?? null, command: command ?? null, inputs: inputs ?? null }
}

const textsOf = (folder: string): Record<string, string> =>
  Object.fromEntries(
    filesOf(folder).map((file) => [file, readFileSync(join(folder, file), 'utf8')]),
  )

describe('export and import', () => {
  it(
    'say the same of any workspace as of the workspace that its export was imported into',
    async () => {
      await fc.assert(
        fc.asyncProperty(content, async (all) => {
          const temporary = mkdtempSync(join(tmpdir(), 'holdfast-round-'))
          const opened: Workspace[] = []
          const open = () => {
            const workspace = memoryWorkspace()
            opened.push(workspace)
            return workspace
          }
          try {
            const [from, to] = [open(), open()]
            for (const { id, body } of all) await from.putObject(id, body, { epoch: 1 })
            const [first, back] = [join(temporary, 'first'), join(temporary, 'back')]
            expect((await exportTo(from, first, temporary)).failed).toEqual([])
            const imported = await importFrom(to, first, secretsIn(first))
            expect(imported.failed.map(({ error }) => error.message)).toEqual([])
            expect(imported.unknownKeys).toEqual([])
            await exportTo(to, back, temporary)
            expect(textsOf(back)).toEqual(textsOf(first))
            for (const { id } of all) {
              const [here, there] = [await from.getObject(id), await to.getObject(id)]
              const found = said(id, there?.body ?? {})
              expect(found, id.path.join(':')).toEqual(said(id, here?.body ?? {}))
            }
          } finally {
            for (const workspace of opened) await workspace.close()
            rmSync(temporary, { recursive: true, force: true })
          }
        }),
        { numRuns: propertyRuns(40) },
      )
    },
    60_000 * Math.max(1, propertyRuns(40) / 40),
  )
})
