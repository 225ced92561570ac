import { madeId } from '../arm/associated/made-id.ts'
import { asRecord, asText, type Document } from '../arm/document.ts'
import type { ArmResource, RegionContext } from '../context.ts'

/** The principal that the service makes for what has a system-assigned identity. */
export function presentIdentity({ id, body }: ArmResource, region: RegionContext): Document {
  if (!/SystemAssigned/i.test(asText(asRecord(body.identity).type) ?? '')) return {}
  const { tenantId } = region.authority
  return { identity: { principalId: madeId(id, 'principal'), tenantId } }
}
