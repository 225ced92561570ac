import type { KindBehaviour, PutRequest } from '../../context.ts'
import { asRecord, type Document } from '../document.ts'
import { workspaceType } from './workspace.ts'

/** Fields of credentials that say how to sign in, not with what; they are shown. */
const shown = new Set(['clientId', 'resourceId', 'tenantId', 'username', 'authUrl'])

/** Connections: credentials come out of `listsecrets` only (I9). */
export function connectionBehaviour(): KindBehaviour {
  return {
    type: `${workspaceType}/connections`.toLowerCase(),
    createdStatus: 200,
    beforePut: takeCredentials,
    actions: {
      listsecrets: async (connection) => {
        const { id, name, type, body, secrets } = connection
        const before = asRecord(body.properties)
        const credentials = { ...asRecord(before.credentials), ...asRecord(secrets.credentials) }
        const given = Object.keys(credentials).length > 0
        const properties = { ...before, ...(given && { credentials }) }
        return { status: 200, body: { id, name, type, ...body, properties } }
      },
    },
  }
}

function takeCredentials({ body }: PutRequest) {
  const { credentials, ...properties } = asRecord(body.properties)
  const given = asRecord(credentials)
  const open: Document = {}
  const secret: Document = {}
  for (const [key, value] of Object.entries(given)) {
    if (shown.has(key)) open[key] = value
    else secret[key] = value
  }
  const document: Document = {
    ...body,
    properties: { ...properties, ...(Object.keys(open).length > 0 && { credentials: open }) },
  }
  const hasSecret = Object.values(secret).some((value) => value !== null && value !== undefined)
  return { body: document, ...(hasSecret && { secrets: { credentials: secret } }) }
}
