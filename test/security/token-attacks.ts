import type { Attack, Forgery, Shape, World } from './attack.ts'

/** A write to each plane that a good token would allow. */
interface Plane {
  readonly name: string
  readonly audience: string
  readonly otherAudience: string
  readonly shape: Shape
  readonly codes: { readonly missing: string; readonly bad: string }
  request(world: World): {
    readonly method: string
    readonly path: string
    readonly body: unknown
    readonly headers?: Record<string, string>
  }
}

const management = 'https://management.azure.com'
const storage = 'https://storage.azure.com'
const azureMl = {
  audience: management,
  otherAudience: storage,
  codes: { missing: 'AuthenticationFailed', bad: 'InvalidAuthenticationToken' },
} as const

const planes: readonly Plane[] = [
  {
    ...{ name: 'resource manager', ...azureMl, shape: 'azure' },
    request: ({ workspaceId }) => ({
      ...{ method: 'PUT', path: `${workspaceId}/models/m`, body: { properties: {} } },
    }),
  },
  {
    ...{ name: 'MLflow', ...azureMl, shape: 'azure' },
    request: ({ workspaceId }) => ({
      ...{ method: 'POST', body: { name: 'stolen' } },
      path: `/mlflow/v1.0${workspaceId}/api/2.0/mlflow/experiments/create`,
    }),
  },
  {
    ...{ name: 'run history', ...azureMl, shape: 'azure' },
    request: ({ workspaceId }) => ({
      ...{ method: 'PATCH', body: { status: 'Completed' } },
      path: `/history/v1.0${workspaceId}/experiments/e1/runs/r1`,
    }),
  },
  {
    ...{ name: 'metrics', ...azureMl, shape: 'azure' },
    request: ({ workspaceId, runId }) => ({
      ...{ method: 'POST', path: `/metric/v2.0${workspaceId}/runs/${runId}/batch` },
      body: { values: [{ name: 'loss', value: [{ data: { loss: 1 } }] }] },
    }),
  },
  {
    ...{ name: 'artifacts', ...azureMl, shape: 'azure' },
    request: ({ workspaceId }) => ({
      ...{ method: 'PUT', body: 'stolen' },
      path: `/mlflow/v1.0${workspaceId}/api/2.0/mlflow-artifacts/artifacts/a/b`,
    }),
  },
  {
    ...{ name: 'fault switches', ...azureMl, shape: 'azure', audience: 'origin' },
    otherAudience: management,
    request: () => ({ method: 'POST', path: '/_region/faults', body: { kind: 'down' } }),
  },
  {
    ...{ name: 'blobs', audience: storage, otherAudience: management, shape: 'storage' },
    codes: { missing: 'NoAuthenticationInformation', bad: 'AuthenticationFailed' },
    request: ({ storageOrigin, account }) => ({
      ...{ method: 'PUT', path: `${storageOrigin}/${account}/con1/b1`, body: 'stolen' },
      headers: {
        ...{ 'x-ms-version': '2025-01-05', 'x-ms-blob-type': 'BlockBlob' },
        'content-type': 'text/plain',
      },
    }),
  },
  {
    ...{ name: 'vault', audience: 'https://vault.azure.net', otherAudience: management },
    ...{ shape: 'azure', codes: { missing: 'Unauthorized', bad: 'Unauthorized' } },
    request: () => ({ method: 'PUT', path: '/vault/kv1/secrets/s1', body: { value: 'stolen' } }),
  },
]

/** What is wrong with the token; `code` where it has a name of its own at the resource manager. */
const forgeries: ReadonlyArray<{
  readonly name: string
  readonly forgery: Omit<Forgery, 'audience'> & { readonly isOther?: true }
  readonly code?: string
}> = [
  {
    name: 'an expired token',
    forgery: { expiresInSeconds: -1, validInSeconds: -4000 },
    code: 'ExpiredAuthenticationToken',
  },
  { name: 'a token that is not valid yet', forgery: { validInSeconds: 600 } },
  {
    name: 'a token for another audience',
    forgery: { isOther: true },
    code: 'InvalidAuthenticationTokenAudience',
  },
  { name: 'a token signed by someone else', forgery: { key: 'other' } },
  { name: 'a token with alg none', forgery: { key: 'none' } },
  { name: 'a token signed with the public key as a secret', forgery: { key: 'public-as-secret' } },
  { name: 'a token changed after signing', forgery: { tampered: true } },
]

export const tokenAttacks: readonly Attack[] = planes.flatMap((plane) => [
  attack(plane, 'no token', async () => undefined, plane.codes.missing),
  attack(plane, 'another scheme', async () => 'Basic dXNlcjpwYXNz', undefined),
  attack(plane, 'no token after Bearer', async () => 'Bearer ', undefined),
  ...forgeries.map(({ name, forgery, code }) =>
    attack(
      plane,
      name,
      async (world) => {
        const wanted = forgery.isOther ? plane.otherAudience : plane.audience
        const audience = wanted === 'origin' ? world.origin : wanted
        return `Bearer ${await world.forge({ ...forgery, audience })}`
      },
      plane.codes.bad === 'InvalidAuthenticationToken'
        ? (code ?? plane.codes.bad)
        : plane.codes.bad,
    ),
  ),
])

function attack(
  plane: Plane,
  what: string,
  authorization: (world: World) => Promise<string | undefined>,
  code: string | undefined,
): Attack {
  return {
    name: `${plane.name}: ${what}`,
    refused: {
      status: plane.shape === 'storage' ? [401, 403] : [401],
      shape: plane.shape,
      ...(code !== undefined && { code }),
    },
    async send(world) {
      const { method, path, body, headers } = plane.request(world)
      const given = await authorization(world)
      return world.call(method, path, {
        ...{ token: null, body },
        headers: { ...headers, ...(given !== undefined && { authorization: given }) },
      })
    },
  }
}
