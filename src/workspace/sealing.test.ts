import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { mapSecretTexts } from '../model/secret-text.ts'
import { memoryWorkspace } from './memory/memory-workspace.ts'
import { opened, sealed } from './sealing.ts'

const options = { epoch: 1 }
const secret = 'hunter2hunter2'
const body = {
  properties: {
    environmentVariables: { TOKEN: secret, EPOCHS: '10' },
    jobs: { step: { environment_variables: { DEEP: secret } } },
    uri: `https://a.blob.core.windows.net/c/b?sv=1&sig=${secret}`,
    connection: `AccountName=a;AccountKey=${secret}`,
    address: `postgresql://me:${secret}@host/db`,
    command: 'python train.py --epochs 10',
  },
}

describe('a sealed document', () => {
  it('shows no secret and opens to what it was, by the key of its keeper alone (I9)', async () => {
    const west = memoryWorkspace({ name: 'west' })
    const kept = await sealed(west, body, options)
    expect(JSON.stringify(kept)).not.toContain(secret)
    expect(kept).toMatchObject({ properties: { command: body.properties.command } })
    expect(await opened(west, kept, {})).toEqual(body)
    expect(await sealed(west, kept, options)).toEqual(kept)
    const other = memoryWorkspace({ name: 'other' })
    await expect(opened(other, kept, {})).rejects.toMatchObject({ code: 'sealing.no-key' })
    await other.makeSealingKey(options)
    await expect(opened(other, kept, {})).rejects.toMatchObject({ code: 'sealing.no-key' })
  })

  it('opens what was sealed with a key that another one has made way for', async () => {
    const west = memoryWorkspace({ name: 'west' })
    const first = await sealed(west, body, options)
    const old = await west.readSealingKey()
    const newer = await memoryWorkspace({ name: 'west' }).makeSealingKey(options)
    const both = {
      ...west,
      readSealingKey: async ({ id }: { readonly id?: string } = {}) =>
        id === old?.id ? old : newer,
    }
    expect(JSON.stringify(await sealed(both, body, options))).toContain(`:${newer.id}:`)
    expect(await opened(both, first, {})).toEqual(body)
    expect(await opened(both, await sealed(both, body, options), {})).toEqual(body)
  })

  it('asks no vault where nothing is secret', async () => {
    const west = memoryWorkspace({ name: 'west' })
    const plain = { properties: { command: 'true', tags: { a: 'b' } } }
    expect(await sealed(west, plain, options)).toBe(plain)
    expect(await west.readSealingKey()).toBeUndefined()
  })

  it('opens to what it was, whatever stands in a variable', async () => {
    const west = memoryWorkspace({ name: 'west' })
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.string(), fc.string({ unit: 'binary' })),
        async (values) => {
          const document = { properties: { environmentVariables: { ...values } } }
          const kept = await sealed(west, document, options)
          expect(await opened(west, kept, {})).toEqual(document)
          mapSecretTexts(kept, { environmentVariables: true, credentials: true }, (text) => {
            expect(text).toMatch(/^holdfast-sealed:v1:/)
            return text
          })
        },
      ),
      { numRuns: 50 },
    )
  })
})
