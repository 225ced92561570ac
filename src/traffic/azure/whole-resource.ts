import { isDeepStrictEqual } from 'node:util'
import type { ApiDocument } from '../http/api-client.ts'
import type { StableEndpoint, StablePointer } from '../stable-endpoint.ts'
import { trafficEndpoint } from '../traffic-endpoint.ts'
import { type ArmResource, armResources } from './arm-resources.ts'
import { type AzureTrafficOptions, problemOf } from './azure-traffic.ts'

/** A resource that holds pointer and routes together, so that one write switches both. */
export interface WholeResource {
  /** For messages. */
  readonly name: string
  readonly apiVersion: string
  /** Role that may write it. */
  readonly rights: string
  pointerIn(document: ApiDocument): StablePointer | undefined
  /** The document that leads there; everything that is not ours stays. */
  leading(document: ApiDocument, pointer: StablePointer): ApiDocument
  /** Undefined: it leads there for whoever asks from outside, as far as this service can be asked. */
  problem?(
    document: ApiDocument,
    pointer: StablePointer,
    signal: AbortSignal | undefined,
  ): Promise<string | undefined>
}

/** Leads by one conditional write of one resource (I1). */
export function wholeResourceEndpoint(
  resource: WholeResource,
  options: Pick<AzureTrafficOptions, 'id' | 'cloud' | 'probe' | 'patienceMs'>,
): StableEndpoint {
  const { id, probe } = options
  const arm = armResources(options.cloud, resource.apiVersion, resource.rights)
  return trafficEndpoint<ArmResource>(
    {
      name: resource.name,
      async look({ signal }) {
        const state = await arm.get(id, { signal })
        return { pointer: resource.pointerIn(state.document), state }
      },
      async lead(pointer, seen, { signal }) {
        const next = resource.leading(seen.document, pointer)
        if (isDeepStrictEqual(next, seen.document)) return
        await arm.put(seen, writable(next), { signal })
      },
      async restore(before, { signal }) {
        await arm.put(await arm.get(id, { signal }), writable(before.document), { signal })
      },
      async problem(pointer, { signal }) {
        const { document } = await arm.get(id, { signal })
        const isSet = isDeepStrictEqual(resource.leading(document, pointer), document)
        const problem = isSet
          ? await resource.problem?.(document, pointer, signal)
          : 'It is not set as it should be.'
        return problemOf(problem, probe, pointer, signal)
      },
    },
    { patienceMs: options.patienceMs },
  )
}

/** What a service tells about a resource and does not take back. */
function writable(document: ApiDocument): ApiDocument {
  const { id: _id, name: _name, type: _type, etag: _etag, systemData: _system, ...rest } = document
  return rest
}
