import { asRecord, asText, type Document } from '../arm/document.ts'
import { AzureError } from '../context.ts'

/** One process of a job: what is different from its siblings. */
export interface JobProcess {
  /** Name of its log below `user_logs/`. */
  readonly log: string
  readonly environment: Readonly<Record<string, string>>
}

/** More would not run on a developer's machine; a job that asks for them is refused, not cut down. */
const mostProcesses = 64

/**
 * The processes of a command job, with the variables that its framework reads. All nodes are this
 * machine, so every address is the loopback's. Pure: `port` is the first of a free range.
 */
export function processesOf(properties: Document, port: number): readonly JobProcess[] {
  const distribution = asRecord(properties.distribution)
  const nodes = wholeNumber(asRecord(properties.resources).instanceCount, 1)
  const type = asText(distribution.distributionType)?.toLowerCase()
  const perNode = wholeNumber(distribution.processCountPerInstance, 1)
  const count = type === 'tensorflow' ? roles(distribution, nodes).length : nodes * perNode
  if (count > mostProcesses)
    throw new AzureError(
      400,
      'UserError',
      `The job asks for ${count} processes; a local region starts at most ${mostProcesses}.`,
    )
  switch (type) {
    case undefined:
      return nodes === 1 ? [single] : ranked(nodes, 1, (rank) => common(rank, nodes, 1))
    case 'pytorch':
      return ranked(nodes, perNode, (rank) => pyTorch(rank, nodes, perNode, port))
    case 'mpi':
      return ranked(nodes, perNode, (rank) => mpi(rank, nodes, perNode))
    case 'tensorflow':
      return tensorFlow(roles(distribution, nodes), port)
    default:
      throw new AzureError(
        400,
        'UserError',
        `A local region runs PyTorch, MPI and TensorFlow distributions, not '${String(distribution.distributionType)}'.`,
      )
  }
}

const single: JobProcess = { log: 'std_log.txt', environment: {} }
const loopback = '127.0.0.1'

function ranked(
  nodes: number,
  perNode: number,
  environmentOf: (rank: number) => Record<string, string>,
): JobProcess[] {
  return Array.from({ length: nodes * perNode }, (_, rank) => ({
    log: `std_log_process_${String(rank).padStart(2, '0')}.txt`,
    environment: environmentOf(rank),
  }))
}

function common(rank: number, nodes: number, perNode: number) {
  return {
    AZUREML_NODE_COUNT: String(nodes),
    NODE_RANK: String(Math.floor(rank / perNode)),
  }
}

function pyTorch(rank: number, nodes: number, perNode: number, port: number) {
  return {
    ...common(rank, nodes, perNode),
    MASTER_ADDR: loopback,
    MASTER_PORT: String(port),
    WORLD_SIZE: String(nodes * perNode),
    RANK: String(rank),
    LOCAL_RANK: String(rank % perNode),
    LOCAL_WORLD_SIZE: String(perNode),
  }
}

function mpi(rank: number, nodes: number, perNode: number) {
  return {
    ...common(rank, nodes, perNode),
    AZ_BATCHAI_MPI_MASTER_NODE: loopback,
    OMPI_COMM_WORLD_SIZE: String(nodes * perNode),
    OMPI_COMM_WORLD_RANK: String(rank),
    OMPI_COMM_WORLD_LOCAL_SIZE: String(perNode),
    OMPI_COMM_WORLD_LOCAL_RANK: String(rank % perNode),
  }
}

type Role = { readonly type: 'worker' | 'ps'; readonly index: number }

function roles(distribution: Document, nodes: number): Role[] {
  const made = (type: Role['type'], count: number) =>
    Array.from({ length: count }, (_, index) => ({ type, index }))
  return [
    ...made('worker', wholeNumber(distribution.workerCount, nodes)),
    ...made('ps', wholeNumber(distribution.parameterServerCount, 0)),
  ]
}

function tensorFlow(all: readonly Role[], port: number): JobProcess[] {
  const addresses = all.map((_, place) => `${loopback}:${port + place}`)
  const of = (type: Role['type']) => addresses.filter((_, place) => all[place]?.type === type)
  const ps = of('ps')
  const cluster = { worker: of('worker'), ...(ps.length > 0 && { ps }) }
  return all.map((task, rank) => ({
    log: `std_log_process_${String(rank).padStart(2, '0')}.txt`,
    environment: {
      AZUREML_NODE_COUNT: String(all.length),
      TF_CONFIG: JSON.stringify({ cluster, task }),
    },
  }))
}

function wholeNumber(value: unknown, fallback: number): number {
  const count = Number(value)
  return value !== null && value !== undefined && Number.isInteger(count) && count >= 0
    ? count
    : fallback
}
