import type { RegionContext } from '../../context.ts'
import { asRecord, type Document } from '../document.ts'

/** Sets service-made properties of a resource; nothing when it is gone. */
export function changeProperties(
  region: Pick<RegionContext, 'resources'>,
  id: string,
  change: Document,
): void {
  region.resources.amend(id, (body) => ({
    ...body,
    properties: { ...asRecord(body.properties), ...change },
  }))
}
