import { HoldfastError } from '../../model/errors.ts'
import { apiClient, documentAt, headerPolicy } from '../http/api-client.ts'
import { markOf, pointerOfMark } from '../pointer-mark.ts'
import type { StableEndpoint } from '../stable-endpoint.ts'
import { type ConfigDocument, pointerIn } from './config-document.ts'
import { documentEndpoint } from './document-endpoint.ts'

export interface AzureDevOpsVariablesOptions {
  /** `https://dev.azure.com/ORGANISATION/PROJECT`. */
  readonly project: string
  /** Id of the variable group. */
  readonly group: number
  /** A personal access token. */
  readonly token: () => string
  readonly ca?: string | undefined
}

const apiVersion = '7.1'
const ours = ['subscription_id', 'resource_group', 'workspace_name'] as const

type Group = Readonly<Record<string, unknown>>

/**
 * Leads by a variable group of Azure Pipelines: `$(workspace_name)` and its like, and the pointer in
 * `holdfast`. The group is written as a whole, so all change together; secret variables in it keep
 * their values, which the service never shows. There is no conditional write: the epoch register
 * keeps other controllers away (I1).
 */
export function azureDevOpsVariablesEndpoint(options: AzureDevOpsVariablesOptions): StableEndpoint {
  const { group, token, ca } = options
  const project = options.project.replace(/\/+$/, '')
  const name = `variable group ${group} of ${new URL(project).pathname.slice(1)}`
  const path = `_apis/distributedtask/variablegroups/${group}?api-version=${apiVersion}`
  const organisation = project.slice(0, project.lastIndexOf('/'))
  const send = apiClient(async () => ({
    ca,
    authorize: headerPolicy('authorization', () => {
      return `Basic ${Buffer.from(`:${token()}`).toString('base64')}`
    }),
    rightsHint: 'The token needs the scope "Variable Groups (Read, create & manage)".',
  }))
  return documentEndpoint<Group>({
    name,
    async read({ signal }) {
      const url = `${project}/${path}`
      const { status, body } = await send({ method: 'GET', url, place: name, signal })
      // The service answers null for a group that is not there.
      if (status === 404 || body === undefined) throw noGroup(name)
      return { document: documentOf(documentAt(body.variables)), version: body }
    },
    async write(document, seen, { signal }) {
      const before = seen?.version ?? {}
      const { id, type, description, variableGroupProjectReferences, providerData } = before
      const variables = { ...documentAt(before.variables), ...variablesOf(document) }
      const body = {
        id,
        type,
        name: before.name,
        description,
        variables,
        variableGroupProjectReferences,
        providerData,
      }
      await send({ method: 'PUT', url: `${organisation}/${path}`, body, place: name, signal })
    },
  })
}

function documentOf(variables: Group): ConfigDocument {
  const value = (key: string) => documentAt(variables[key]).value
  const fields = ours.flatMap((key) => (value(key) === undefined ? [] : [[key, value(key)]]))
  const pointer = pointerOfMark(String(value('holdfast') ?? ''))
  return { ...Object.fromEntries(fields), ...(pointer && { holdfast: pointer }) }
}

function variablesOf(document: ConfigDocument): Group {
  const pointer = pointerIn(document)
  const fields = ours.map((key) => [key, { value: String(document[key] ?? '') }])
  return {
    ...Object.fromEntries(fields),
    ...(pointer && { holdfast: { value: markOf(pointer) } }),
  }
}

function noGroup(place: string): HoldfastError {
  return new HoldfastError('traffic.not-found', 'There is no such variable group.', {
    kind: 'operator',
    place,
    hint: 'Make it under Pipelines, Library, and take its number from the address.',
  })
}
