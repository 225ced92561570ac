import type { Attack, World } from './attack.ts'

const mebibyte = 1024 * 1024
const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`

/** Bodies that are no JSON, or not the JSON that was asked for, by the plane they are sent to. */
const malformed: ReadonlyArray<readonly [string, string]> = [
  ['half an object', '{"properties":'],
  ['a list', '[]'],
  ['a text', '"text"'],
  ['a number', '1'],
  ['null', 'null'],
  ['XML', '<a/>'],
  ['a trailing comma', '{"properties":{},}'],
  ['bytes that are no UTF-8', '{"a":"\u0000'],
  ['100,000 levels', nested(100_000)],
  ['100,000 lists', '['.repeat(100_000)],
]

const json = { 'content-type': 'application/json' }
const jsonAttacks: Attack[] = malformed.flatMap(([what, body]) => [
  {
    name: `resource manager: ${what} as a body`,
    refused: { status: [400], shape: 'azure' as const },
    send: ({ call, workspaceId }: World) =>
      call('PUT', `${workspaceId}/models/m`, { body, headers: json }),
  },
  {
    name: `run history: ${what} as a body of a batch`,
    refused: { status: [400], shape: 'azure' as const },
    send: ({ call, workspaceId }: World) =>
      call('PATCH', `/history/v1.0${workspaceId}/experiments/e1/batch/runs`, {
        body,
        headers: json,
      }),
  },
  {
    name: `MLflow: ${what} as a body`,
    refused: { status: [400], shape: 'mlflow' as const },
    send: ({ call, workspaceId }: World) =>
      call('POST', `/mlflow/v1.0${workspaceId}/api/2.0/mlflow/experiments/create`, {
        body,
        headers: json,
      }),
  },
  {
    name: `vault: ${what} as a body`,
    refused: { status: [400], shape: 'azure' as const },
    send: async ({ call, token }: World) =>
      call('PUT', '/vault/kv1/secrets/s1', {
        token: await token('https://vault.azure.net'),
        ...{ body, headers: json },
      }),
  },
  {
    name: `fault switches: ${what} as a body`,
    refused: { status: [400], shape: 'azure' as const },
    send: async ({ call, token, origin }: World) =>
      call('POST', '/_region/faults', { token: await token(origin), body, headers: json }),
  },
])

const large = (megabytes: number) => `{"properties":{"a":"${'x'.repeat(megabytes * mebibyte)}"}}`
const tooLarge: Attack[] = [
  {
    name: 'resource manager: a body of 5 MB',
    refused: { status: [413], shape: 'azure', code: 'RequestContentTooLarge' },
    send: ({ call, workspaceId }) =>
      call('PUT', `${workspaceId}/models/m`, { body: large(5), headers: json }),
  },
  {
    name: 'sign-in: a form of 5 MB, from nobody',
    refused: { status: [413], shape: 'azure' },
    send: ({ call }) =>
      call('POST', '/00000000-0000-0000-0000-000000000000/oauth2/v2.0/token', {
        token: null,
        body: `a=${'x'.repeat(5 * mebibyte)}`,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      }),
  },
  {
    name: 'run history: a body of 17 MB',
    refused: { status: [413], shape: 'azure' },
    send: ({ call, workspaceId }) =>
      call('PATCH', `/history/v1.0${workspaceId}/experiments/e1/runs/r1`, {
        ...{ body: large(17), headers: json },
      }),
  },
  {
    name: 'metrics: a body of 65 MB',
    refused: { status: [413], shape: 'azure' },
    send: ({ call, workspaceId }) =>
      call('POST', `/metric/v2.0${workspaceId}/runs/r1/batch`, { body: large(65), headers: json }),
  },
  {
    name: 'vault: a secret of 26,000 bytes',
    refused: { status: [400], shape: 'azure', code: 'BadParameter' },
    send: async ({ call, token }) =>
      call('PUT', '/vault/kv1/secrets/s1', {
        token: await token('https://vault.azure.net'),
        body: { value: 'x'.repeat(26_000) },
      }),
  },
  {
    name: 'MLflow: 1001 metrics in a batch',
    refused: { status: [400], shape: 'mlflow' },
    send: ({ call, workspaceId }) =>
      call('POST', `/mlflow/v1.0${workspaceId}/api/2.0/mlflow/runs/log-batch`, {
        body: {
          run_id: 'r1',
          metrics: Array.from({ length: 1001 }, (_, i) => ({ key: `m${i}`, value: i })),
        },
      }),
  },
]

// --- XML -----------------------------------------------------------------------------------------

const bomb = `<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "${'x'.repeat(1000)}">${'bcdefgh'
  .split('')
  .map((name, i) => `<!ENTITY ${name} "${`&${'abcdefgh'[i]};`.repeat(20)}">`)
  .join('')}]><BlockList><Latest>&h;</Latest></BlockList>`
const xml: ReadonlyArray<readonly [string, string]> = [
  ['half an element', '<BlockList><Latest>MA=='],
  ['another element', '<Blocks/>'],
  ['JSON', '{"Latest":["MA=="]}'],
  ['nothing', ''],
  ['crossed elements', '<BlockList><Latest>MA==</BlockList></Latest>'],
  ['a block that was never sent', '<BlockList><Latest>MA==</Latest></BlockList>'],
  [
    'an outside entity',
    '<!DOCTYPE b [<!ENTITY a SYSTEM "file:///etc/passwd">]><BlockList><Latest>&a;</Latest></BlockList>',
  ],
  ['a bomb of entities', bomb],
]
const xmlAttacks: Attack[] = xml.map(([what, body]) => ({
  name: `blobs: ${what} as a block list`,
  refused: { status: [400], shape: 'storage' as const },
  send: async ({ call, token, storageOrigin, account }: World) =>
    call('PUT', `${storageOrigin}/${account}/con1/b1?comp=blocklist`, {
      token: await token('https://storage.azure.com'),
      headers: { 'x-ms-version': '2025-01-05', 'content-type': 'application/xml' },
      body,
    }),
}))

export const bodyAttacks: readonly Attack[] = [...jsonAttacks, ...tooLarge, ...xmlAttacks]
