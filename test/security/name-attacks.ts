import type { Attack, Shape, World } from './attack.ts'

/** Names that would leave their folder, or cut a name short. */
const badNames = [
  ['..', '..'],
  ['an encoded ..', '%2e%2e'],
  ['..%2f..%2fetc', '..%2f..%2fetc%2fpasswd'],
  ['an encoded slash', 'a%2fb'],
  ['a backslash', 'a%5c..%5cb'],
  ['a NUL', 'a%00b'],
  ['a line break', 'a%0d%0ab'],
  ['a broken escape', 'a%zz'],
  ['half a character', 'a%c3'],
  ['300 characters', 'a'.repeat(300)],
] as const

const armAttacks: Attack[] = badNames.flatMap(([what, name]) =>
  [
    ['workspace', (w: World, n: string) => w.workspaceId.replace('/w1', `/${n}`)],
    ['model', (w: World, n: string) => `${w.workspaceId}/models/${n}`],
    ['model version', (w: World, n: string) => `${w.workspaceId}/models/m/versions/${n}`],
    ['resource group', (w: World, n: string) => w.workspaceId.replace('/rg1', `/${n}`)],
  ].map(([kind, path]) => ({
    name: `resource manager: a ${kind as string} named ${what}`,
    // A path that no longer is one of a resource is refused as such.
    refused: { status: [400, 404, 405], shape: 'azure' as const },
    send: (world: World) =>
      world.call('PUT', (path as (w: World, n: string) => string)(world, name), {
        body: { location: 'eastus', properties: {} },
      }),
  })),
)

const badPaths = [
  ['a way up', '../../../../etc/passwd'],
  ['an encoded way up', '%2e%2e/%2e%2e/etc/passwd'],
  ['an encoded slash and a way up', '..%2f..%2fetc%2fpasswd'],
  ['a way up inside', 'a/../../b'],
  ['a backslash', 'a%5c..%5c..%5cb'],
  ['an empty part', 'a//b'],
  ['a NUL', 'a%00b'],
] as const

const artifactBase = ({ workspaceId }: World) =>
  `/mlflow/v1.0${workspaceId}/api/2.0/mlflow-artifacts/artifacts`
const artifactAttacks: Attack[] = badPaths.flatMap(([what, path]) => {
  const refused = { status: [400, 404, 501], shape: 'mlflow' as const }
  const azure = { status: [400, 404], shape: 'azure' as const }
  const put = { body: 'x', headers: { 'content-type': 'text/plain' } }
  return [
    {
      ...{ name: `artifacts: written to ${what}`, refused },
      send: (world: World) => world.call('PUT', `${artifactBase(world)}/${path}`, put),
    },
    {
      ...{ name: `artifacts: read from ${what}`, refused },
      send: (world: World) => world.call('GET', `${artifactBase(world)}/${path}`),
    },
    {
      ...{ name: `run artifacts: written to ${what}`, refused: azure },
      send: (world: World) =>
        world.call(
          'POST',
          `/history/v1.0${world.workspaceId}/runs/r1/artifacts/content?path=${path}`,
          put,
        ),
    },
    {
      ...{ name: `run artifacts: addressed at ${what}`, refused: azure },
      send: (world: World) =>
        world.call('POST', `/history/v1.0${world.workspaceId}/runs/r1/artifacts/batch/metadata`, {
          body: { paths: [{ path: decoded(path) }] },
        }),
    },
  ]
})

function decoded(path: string): string {
  return decodeURIComponent(path)
}

const blobHeaders = { 'x-ms-version': '2025-01-05' }
const containerAttacks: Attack[] = [
  ['..', '..'],
  ['an encoded ..', '%2e%2e'],
  ['an encoded slash', 'a%2fb'],
  ['upper case', 'Container'],
  ['an underscore', 'a_b'],
  ['two characters', 'ab'],
  ['64 characters', 'a'.repeat(64)],
  ['a NUL', 'a%00bc'],
  ['a broken escape', 'abc%zz'],
].map(([what, name]) => ({
  name: `blobs: a container named ${what}`,
  refused: { status: [400], shape: 'storage' as const },
  send: async (world: World) =>
    world.call('PUT', `${world.storageOrigin}/${world.account}/${name}?restype=container`, {
      token: await world.token('https://storage.azure.com'),
      headers: blobHeaders,
    }),
}))

const vaultAttacks: Attack[] = [
  ['an encoded way up', '%2e%2e%2fs1'],
  ['a dot', 's.1'],
  ['a NUL', 's%001'],
  ['128 characters', 's'.repeat(128)],
].map(([what, name]) => ({
  name: `vault: a secret named with ${what}`,
  refused: { status: [400], shape: 'azure' as const, code: 'BadParameter' },
  send: async (world: World) =>
    world.call('PUT', `/vault/kv1/secrets/${name}`, {
      token: await world.token('https://vault.azure.net'),
      body: { value: 'x' },
    }),
}))

const one = (
  name: string,
  shape: Shape,
  status: readonly number[],
  send: Attack['send'],
): Attack => ({ name, refused: { status, shape }, send })

const otherAttacks: Attack[] = [
  one('run history: a run named with a way up', 'azure', [400, 404], ({ call, workspaceId }) =>
    call('PATCH', `/history/v1.0${workspaceId}/experiments/e1/runs/..%2f..%2fx`, {
      body: { status: 'Running' },
    }),
  ),
  one('blobs: an account named with a way up', 'storage', [400, 404], async (world) =>
    world.call('PUT', `${world.storageOrigin}/..%2facct/con1/b1`, {
      token: await world.token('https://storage.azure.com'),
      ...{ headers: { ...blobHeaders, 'x-ms-blob-type': 'BlockBlob' }, body: 'x' },
    }),
  ),
  one('storage accounts: a name that is no account name', 'azure', [400], ({ call, workspaceId }) =>
    call(
      'PUT',
      `${workspaceId.split('/providers/')[0]}/providers/Microsoft.Storage/storageAccounts/A_b`,
      { body: { location: 'eastus' } },
    ),
  ),
  one('scoring: an endpoint named with a way up', 'azure', [400, 404], ({ call }) =>
    call('POST', '/inference/w/..%2f..%2fe1/score', { token: null, body: {} }),
  ),
]

export const nameAttacks: readonly Attack[] = [
  ...armAttacks,
  ...artifactAttacks,
  ...containerAttacks,
  ...vaultAttacks,
  ...otherAttacks,
]
