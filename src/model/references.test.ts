import { describe, expect, it } from 'vitest'
import { formatObjectId } from './object-id.ts'
import { referencesOf } from './references.ts'
import { azurePlace, workspaceArmId } from './testing/places.ts'

const east = azurePlace('east')
const here = workspaceArmId(east)
const names = (...args: Parameters<typeof referencesOf>) =>
  referencesOf(...args)
    .map(formatObjectId)
    .sort()

describe('referencesOf', () => {
  it('finds every form, the parent, and not the object itself', () => {
    const body = {
      id: `${here}/onlineEndpoints/score/deployments/blue`,
      properties: {
        model: `${here}/models/fraud/versions/3`,
        environmentId: 'azureml:env:2',
        codeConfiguration: { codeId: `azureml:${here}/codes/src/versions/1` },
        environmentVariables: { DATA: 'azureml://datastores/lake/paths/x' },
        self: `${here}/onlineEndpoints/score/deployments/blue`,
        asset: `azureml://locations/eastus/workspaces/${east.workspaceGuid}/data/d/versions/1`,
        job: 'azureml://jobs/run_1/outputs/o/paths/',
        compute: 'gpu-east',
        latest: { model: 'azureml:fraud@latest' },
      },
    }
    expect(names({ kind: 'online-deployment', path: ['score', 'blue'] }, body)).toEqual([
      'code/src/1',
      'compute/gpu-east',
      'data/d/1',
      'datastore/lake',
      'environment/env/2',
      'model-container/fraud',
      'model/fraud/3',
      'online-endpoint/score',
      'run/run_1',
    ])
  })

  it('leaves out other workspaces when the place is known', () => {
    const other = here.replace('fraud-east', 'elsewhere')
    const body = { properties: { a: `${other}/models/m/versions/1`, b: `${here}/computes/c` } }
    expect(names({ kind: 'job', path: ['j'] }, body, east)).toEqual(['compute/c'])
    expect(names({ kind: 'job', path: ['j'] }, body)).toEqual(['compute/c', 'model/m/1'])
  })
})
