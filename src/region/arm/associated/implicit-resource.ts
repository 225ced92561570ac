import type { ArmResource } from '../../context.ts'
import type { Document } from '../document.ts'

const service = {
  createdBy: 'Microsoft',
  createdByType: 'Application',
  createdAt: '2020-01-01T00:00:00.000Z',
  lastModifiedBy: 'Microsoft',
  lastModifiedByType: 'Application',
  lastModifiedAt: '2020-01-01T00:00:00.000Z',
}

/** A resource that nobody wrote, as one that is stored. */
export function implicitResource(id: string, type: string, body: Document): ArmResource {
  const name = id.slice(id.lastIndexOf('/') + 1)
  return { id, name, type, etag: '"0"', systemData: service, body, secrets: {} }
}
