import { expect, it } from 'vitest'
import { MlflowArtifacts } from './mlflow-artifacts.ts'
import { MlflowHttp } from './mlflow-http.ts'

/** Nothing is asked of a server: nobody could answer. */
const http = new MlflowHttp({
  name: 'east',
  url: 'http://127.0.0.1:1',
  folder: '/',
  environment: {},
})
const at = (uri: string) =>
  new MlflowArtifacts(http, { 'logged-model': async () => uri, trace: async () => uri }, undefined)

it.each([
  's3://bucket/1',
  'wasbs://box@account.blob.core.windows.net/1',
  'gs://bucket/1',
  '/mnt/x',
])('does not take for empty what it cannot list: %s (I4)', async (uri) => {
  for (const store of ['logged-model:m-1', 'trace:tr-1'])
    await expect(at(uri).list(store, {})).rejects.toMatchObject({
      code: 'artifact.not-listable',
      kind: 'operator',
    })
})

it('repeats nothing that an address may hold behind its path (I9)', async () => {
  const listed = at('https://account.blob.core.windows.net/box/1?sig=planted').list('trace:t', {})
  await expect(listed).rejects.not.toMatchObject({
    message: expect.stringContaining('planted') as string,
  })
})
