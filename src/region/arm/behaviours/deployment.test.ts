import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Answer,
  settled,
  startTestRegion,
  type TestRegion,
} from '../../testing/test-region.ts'

let region: TestRegion
beforeAll(async () => {
  region = await startTestRegion()
})
afterAll(() => region.stop())

const group = '/subscriptions/s1/resourceGroups/rg'
const providers = `${group}/providers`
const deployment = (name: string) => `${providers}/Microsoft.Resources/deployments/${name}`

async function deploy(name: string, template: object, parameters: object = {}): Promise<Answer> {
  const body = { properties: { mode: 'Incremental', template, parameters } }
  return settled(region.call, await region.call('PUT', deployment(name), { body }))
}

/** In an order that cannot be written as it stands. */
const template = {
  parameters: {
    name: { type: 'string' },
    secret: { type: 'securestring', defaultValue: 'hidden' },
  },
  variables: { storage: "[resourceId('Microsoft.Storage/storageAccounts', 'tplaccount')]" },
  resources: [
    {
      type: 'Microsoft.MachineLearningServices/workspaces/connections',
      name: "[concat(parameters('name'), '/c')]",
      properties: {
        category: 'Git',
        target:
          "[reference(resourceId('Microsoft.MachineLearningServices/workspaces', parameters('name'))).workspaceId]",
      },
    },
    {
      type: 'Microsoft.MachineLearningServices/workspaces',
      name: "[parameters('name')]",
      dependsOn: ["[variables('storage')]"],
      properties: { storageAccount: "[variables('storage')]" },
    },
    { type: 'Microsoft.Storage/storageAccounts', name: 'tplaccount', kind: 'StorageV2' },
  ],
  outputs: { id: { type: 'string', value: "[reference(parameters('name')).workspaceId]" } },
}

describe('a template deployment', () => {
  it('creates what it says, in the order it needs, and tells about it', async () => {
    await deploy('d1', template, { name: { value: 'tpl' } })
    const { body } = await region.call('GET', deployment('d1'))
    const workspace = await region.call(
      'GET',
      `${providers}/Microsoft.MachineLearningServices/workspaces/tpl`,
    )
    const { workspaceId } = (workspace.body as { properties: { workspaceId: string } }).properties
    expect(body).toMatchObject({
      properties: {
        provisioningState: 'Succeeded',
        outputs: { id: { type: 'string', value: workspaceId } },
      },
    })
    expect(JSON.stringify(body)).not.toContain('hidden')
    const connection = await region.call(
      'GET',
      `${providers}/Microsoft.MachineLearningServices/workspaces/tpl/connections/c`,
    )
    expect(connection.body).toMatchObject({ properties: { target: workspaceId } })
    const operations = await region.call('GET', `${deployment('d1')}/operations`)
    const { value } = operations.body as {
      value: Array<{ properties: { targetResource: { resourceName: string } } }>
    }
    expect(value.map((one) => one.properties.targetResource.resourceName)).toEqual([
      'tplaccount',
      'tpl',
      'tpl/c',
    ])
  })

  it('fails with the reason of the resource that failed, and keeps what was made before', async () => {
    const bad = {
      type: 'Microsoft.Storage/storageAccounts',
      name: 'NotAllowed',
      dependsOn: ['goodone'],
    }
    const good = { type: 'Microsoft.Storage/storageAccounts', name: 'goodone' }
    const answer = await deploy('d2', { resources: [bad, good] })
    expect(answer.body).toMatchObject({
      status: 'Failed',
      error: { code: 'DeploymentFailed', message: expect.stringContaining('AccountNameInvalid') },
    })
    expect((await region.call('GET', deployment('d2'))).body).toMatchObject({
      properties: { provisioningState: 'Failed' },
    })
    expect(
      (await region.call('GET', `${providers}/Microsoft.Storage/storageAccounts/goodone`)).status,
    ).toBe(200)
  })

  it('is refused whole when its template is wrong, and can be validated without effect', async () => {
    const wrong = await region.call('PUT', deployment('d3'), {
      body: {
        properties: {
          mode: 'Incremental',
          template: { resources: [{ type: 'A/b', name: '[nosuch()]' }] },
        },
      },
    })
    expect(wrong).toMatchObject({ status: 400, body: { error: { code: 'InvalidTemplate' } } })
    expect((await region.call('GET', deployment('d3'))).status).toBe(404)
    const circle = [
      { type: 'A.B/c', name: 'x', dependsOn: ['y'] },
      { type: 'A.B/c', name: 'y', dependsOn: ['x'] },
    ]
    expect((await deploy('d4', { resources: circle })).body).toMatchObject({
      error: { code: 'InvalidTemplate' },
    })
    const body = {
      properties: { mode: 'Incremental', template, parameters: { name: { value: 'never' } } },
    }
    const checked = await region.call('POST', `${deployment('d5')}/validate`, { body })
    expect(checked).toMatchObject({
      status: 200,
      body: { properties: { provisioningState: 'Succeeded' } },
    })
    expect(
      (await region.call('GET', `${providers}/Microsoft.MachineLearningServices/workspaces/never`))
        .status,
    ).toBe(404)
  })

  it('says that it never deletes: mode Complete and linked templates are 501', async () => {
    for (const properties of [
      { mode: 'Complete', template },
      { mode: 'Incremental', templateLink: { uri: 'https://example.com/t.json' } },
    ])
      expect((await region.call('PUT', deployment('d6'), { body: { properties } })).status).toBe(
        501,
      )
  })
})
