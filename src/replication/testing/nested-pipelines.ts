import fc from 'fast-check'
import type { Json, JsonObject } from '../../model/json.ts'
import type { ObjectId } from '../../model/object-id.ts'

/** A workspace's id, and the part of its GUID that a memory workspace makes of its name. */
export const armIdOf = (member: string) =>
  `/subscriptions/00000000-0000-4000-8000-000000000001/resourceGroups/rg-${member}/providers/Microsoft.MachineLearningServices/workspaces/ws-${member}`
export const guidPartOf = (member: string) =>
  Buffer.from(member).toString('hex').padEnd(12, '0').slice(0, 12)

const at = armIdOf('east')
const guid = `00000000-0000-4000-9000-${guidPartOf('east')}`
const name = fc.constantFrom('fraud', 'a-b', 'A_1', 'zz')

/** One asset in every form in which a specification may name it. */
const reference = fc
  .record({ kind: fc.constantFrom('components', 'environments', 'models', 'data'), name })
  .chain(({ kind, name: one }) =>
    fc.constantFrom(
      `${at}/${kind}/${one}/versions/1`,
      `azureml:${at}/${kind}/${one}/versions/1`,
      `azureml:/${at}/${kind}/${one}/versions/1`,
      `azureml:${one}:1`,
      `azureml:${one}@latest`,
      `azureml://registries/azureml/${kind}/${one}/versions/1`,
      `azureml://locations/east/workspaces/${guid}/${kind}/${one}/versions/1`,
      `azureml:/${at}/datastores/workspaceblobstore/paths/${one}/`,
      `azureml://datastores/workspaceblobstore/paths/${one}/`,
      `https://public.example/${one}.csv`,
    ),
  )

const odd = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      ...['', ' ', '\u{1f680}\u{2f81a}', '\u0000', '$', '${', '#', '~', '"', '\\', '..'],
    ),
  },
  { weight: 4, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  // As large as nobody writes it, and as a generated command is; a few of them, for they take time.
  { weight: 1, arbitrary: fc.nat({ max: 3 }).map((n) => 'x'.repeat(n * 10_000)) },
)

const inputs = fc.dictionary(fc.constantFrom('a', 'data', 'ä', '\u{1f680}'), odd, { maxKeys: 3 })

/** Pipelines in pipelines, three deep, as the untyped graph that the service keeps. */
const graph: fc.Arbitrary<JsonObject> = fc.letrec<{ node: JsonObject; pipeline: JsonObject }>(
  (tie) => ({
    node: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.record({
        type: fc.constant('command'),
        component: reference,
        environment: reference,
        code: reference,
        command: odd,
        inputs,
        environment_variables: inputs,
        compute: fc.constantFrom('azureml:cpu', `azureml:${at}/computes/cpu`, ''),
        outputs: fc.record({ out: fc.record({ uri: reference, mode: fc.constant('upload') }) }),
      }) as unknown as fc.Arbitrary<JsonObject>,
      tie('pipeline'),
    ),
    pipeline: fc.record({
      type: fc.constant('pipeline'),
      jobs: fc.dictionary(fc.constantFrom('prep', 'train', 'ö_1'), tie('node'), { maxKeys: 3 }),
      settings: fc.record({ default_datastore: reference, force_rerun: fc.boolean() }),
      inputs,
    }) as unknown as fc.Arbitrary<JsonObject>,
  }),
).pipeline

/** A component that holds such a graph. */
export const nestedPipeline: fc.Arbitrary<{ readonly id: ObjectId; readonly body: JsonObject }> = fc
  .record({ name, version: fc.constantFrom('1', '2'), graph, description: odd })
  .map(({ name: one, version, graph: componentSpec, description }) => ({
    id: { kind: 'component' as const, path: [`p-${one}`, version] },
    body: { properties: { description, componentSpec: componentSpec as Json } },
  }))
