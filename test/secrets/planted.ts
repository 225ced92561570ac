import { randomBytes } from 'node:crypto'
import type { JsonObject } from '../../src/model/json.ts'
import type { ObjectId } from '../../src/model/object-id.ts'
import { secretOf } from '../../src/workspace/secret.ts'
import type { Workspace } from '../../src/workspace/workspace.ts'

/** A value that stands nowhere else, by the place where it is planted. */
export class Planted {
  readonly values = new Map<string, string>()

  value(place: string): string {
    const known = this.values.get(place) ?? `planted${randomBytes(9).toString('hex')}`
    this.values.set(place, known)
    return known
  }

  /** A signed address, which is a secret only in its signature. */
  signed(place: string): string {
    return `https://elsewhere.blob.core.windows.net/c/p?sv=2025-01-05&sp=r&sig=${this.value(place)}`
  }
}

const epoch = 1

/** One secret in every kind of place of a workspace that can hold one. */
export async function plantInWorkspace(east: Workspace, planted: Planted): Promise<void> {
  await plantConnections(east, planted)
  await plantDatastores(east, planted)
  await plantAddresses(east, planted)
  await plantVariables(east, planted)
}

async function plantConnections(east: Workspace, planted: Planted): Promise<void> {
  const of = (authType: string, field: string) => planted.value(`connection ${authType} ${field}`)
  const kinds: Readonly<Record<string, JsonObject>> = {
    ApiKey: { key: of('ApiKey', 'key') },
    CustomKeys: { keys: { token: of('CustomKeys', 'token') } },
    PAT: { pat: of('PAT', 'pat') },
    UsernamePassword: { username: 'me', password: of('UsernamePassword', 'password') },
    AccountKey: { key: of('AccountKey', 'key') },
    SAS: { sas: of('SAS', 'sas') },
    AccessKey: {
      accessKeyId: of('AccessKey', 'accessKeyId'),
      secretAccessKey: of('AccessKey', 'secretAccessKey'),
    },
    ServicePrincipal: {
      ...{ clientId: 'client', tenantId: 'tenant' },
      clientSecret: of('ServicePrincipal', 'clientSecret'),
    },
    OAuth2: {
      ...{ authUrl: 'https://auth.example', clientId: 'client', username: 'me' },
      clientSecret: of('OAuth2', 'clientSecret'),
      refreshToken: of('OAuth2', 'refreshToken'),
      developerToken: of('OAuth2', 'developerToken'),
      password: of('OAuth2', 'password'),
    },
  }
  for (const [authType, secrets] of Object.entries(kinds)) {
    const category = authType === 'CustomKeys' ? 'CustomKeys' : 'Generic'
    await east.putObject(
      { kind: 'connection', path: [`c-${authType.toLowerCase()}`] },
      { properties: { category, target: 'https://target.example', authType } },
      { epoch, secrets: secretOf(secrets) },
    )
  }
}

async function plantDatastores(east: Workspace, planted: Planted): Promise<void> {
  const blob = { datastoreType: 'AzureBlob', accountName: 'elsewhere', containerName: 'c' }
  const lake = { datastoreType: 'AzureDataLakeGen2', accountName: 'elsewhere', filesystem: 'f' }
  const person = { clientId: 'client', tenantId: 'tenant' }
  const of = (name: string) => planted.value(`datastore ${name}`)
  const key = Buffer.from(of('account-key').repeat(2)).toString('base64')
  planted.values.set('datastore account-key, as it is stored', key)
  const kinds: readonly [string, JsonObject, JsonObject, JsonObject][] = [
    ['key', blob, { credentialsType: 'AccountKey' }, { key }],
    ['sas', blob, { credentialsType: 'Sas' }, { sasToken: `sv=1&sig=${of('sas')}` }],
    [
      'share',
      { datastoreType: 'AzureFile', accountName: 'elsewhere', fileShareName: 's' },
      { credentialsType: 'Sas' },
      { sasToken: `sv=1&sig=${of('share')}` },
    ],
    [
      'principal',
      lake,
      { credentialsType: 'ServicePrincipal', ...person },
      { clientSecret: of('principal') },
    ],
    [
      'certificate',
      lake,
      { credentialsType: 'Certificate', thumbprint: 'ab', ...person },
      { certificate: of('certificate') },
    ],
  ]
  for (const [name, properties, credentials, secrets] of kinds)
    await east.putObject(
      { kind: 'datastore', path: [`d_${name}`] },
      { properties: { ...properties, credentials } },
      {
        epoch,
        secrets: secretOf({ secretsType: String(credentials.credentialsType), ...secrets }),
      },
    )
}

async function plantAddresses(east: Workspace, planted: Planted): Promise<void> {
  const put = (kind: ObjectId['kind'], name: string, properties: JsonObject) =>
    east.putObject({ kind, path: [name, '1'] }, { properties }, { epoch })
  await put('data', 'signed-data', {
    ...{ dataType: 'uri_file', dataUri: planted.signed('signature of data') },
  })
  await put('code', 'signed-code', { codeUri: planted.signed('signature of code') })
  // Hot-cold in the plan: its definition is kept.
  await put('model', 'cold-signed', {
    ...{ modelType: 'custom_model', modelUri: planted.signed('signature of a hot-cold model') },
  })
  await put('environment', 'signed-environment', {
    ...{ image: 'python:3.12', description: 'by hand' },
    tags: { wheel: planted.signed('signature in a tag') },
  })
}

async function plantVariables(east: Workspace, planted: Planted): Promise<void> {
  const environmentVariables = {
    API_TOKEN: planted.value('variable of a job'),
    DATABASE: `postgresql://me:${planted.value('address in a variable of a job')}@host/db`,
  }
  const job = await east.getObject({ kind: 'job', path: ['train'] })
  const properties = job?.body.properties as JsonObject
  const { computeId, environmentId } = properties
  const command = { jobType: 'Command', command: 'sleep 600', computeId, environmentId }
  await east.submitJob(
    'train-planted',
    { properties: { ...command, experimentName: 'x', environmentVariables } },
    { epoch },
  )
  await east.putObject(
    { kind: 'schedule', path: ['planted'] },
    {
      properties: {
        ...{ displayName: 'planted', isEnabled: true },
        trigger: { triggerType: 'Cron', expression: '0 0 1 1 *', timeZone: 'UTC' },
        action: {
          actionType: 'CreateJob',
          jobDefinition: {
            ...command,
            experimentName: 'x',
            environmentVariables: { API_TOKEN: planted.value('variable of a schedule') },
          },
        },
      },
    },
    { epoch },
  )
  // Its endpoint is hot-cold in the plan: its definition is kept.
  const id: ObjectId = { kind: 'online-deployment', path: ['fraud-scoring', 'blue'] }
  const deployment = await east.getObject(id)
  const body = deployment?.body ?? {}
  const variables = { SCORING_SECRET: planted.value('variable of a deployment') }
  await east.putObject(
    id,
    {
      ...body,
      properties: { ...(body.properties as JsonObject), environmentVariables: variables },
    },
    { epoch },
  )
}
