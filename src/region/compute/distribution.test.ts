import { describe, expect, it } from 'vitest'
import { AzureError } from '../context.ts'
import { processesOf } from './distribution.ts'

const environments = (distribution: object | undefined, instanceCount = 1) =>
  processesOf({ distribution, resources: { instanceCount } }, 6105).map((one) => one.environment)

describe('the processes of a job', () => {
  it('is one without a distribution, and one for each node', () => {
    expect(processesOf({}, 1)).toEqual([{ log: 'std_log.txt', environment: {} }])
    expect(environments(undefined, 2)).toMatchObject([{ NODE_RANK: '0' }, { NODE_RANK: '1' }])
  })

  it('have the variables that PyTorch reads', () => {
    const pyTorch = { distributionType: 'PyTorch', processCountPerInstance: 2 }
    const all = environments(pyTorch, 2)
    expect(all.map((one) => [one.RANK, one.LOCAL_RANK, one.NODE_RANK])).toEqual([
      ['0', '0', '0'],
      ['1', '1', '0'],
      ['2', '0', '1'],
      ['3', '1', '1'],
    ])
    expect(all[3]).toMatchObject({
      WORLD_SIZE: '4',
      MASTER_ADDR: '127.0.0.1',
      MASTER_PORT: '6105',
    })
  })

  it('have the variables that Open MPI sets', () => {
    const all = environments({ distributionType: 'Mpi', processCountPerInstance: 2 }, 1)
    expect(all[1]).toMatchObject({
      OMPI_COMM_WORLD_RANK: '1',
      OMPI_COMM_WORLD_SIZE: '2',
      OMPI_COMM_WORLD_LOCAL_RANK: '1',
    })
  })

  it('have the cluster that TensorFlow reads', () => {
    const tensorFlow = { distributionType: 'TensorFlow', workerCount: 2, parameterServerCount: 1 }
    const all = environments(tensorFlow, 3)
    expect(all.map((one) => JSON.parse(one.TF_CONFIG ?? ''))).toEqual(
      [
        { type: 'worker', index: 0 },
        { type: 'worker', index: 1 },
        { type: 'ps', index: 0 },
      ].map((task) => ({
        cluster: { worker: ['127.0.0.1:6105', '127.0.0.1:6106'], ps: ['127.0.0.1:6107'] },
        task,
      })),
    )
  })

  it('are refused when they are too many or of an unknown kind', () => {
    expect(() => environments(undefined, 65)).toThrow(AzureError)
    expect(() => environments({ distributionType: 'Ray' })).toThrow(AzureError)
  })
})
