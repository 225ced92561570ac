import { Resolver } from 'node:dns/promises'
import { type ApiDocument, documentAt } from '../http/api-client.ts'
import type { StableEndpoint } from '../stable-endpoint.ts'
import type { AzureTrafficOptions } from './azure-traffic.ts'
import { wholeResourceEndpoint } from './whole-resource.ts'

export interface DnsRecordOptions extends Pick<AzureTrafficOptions, 'id' | 'cloud' | 'patienceMs'> {
  /** ARM id of the record set: `…/dnsZones/ZONE/CNAME/NAME`, also `/A/`, also of `privateDnsZones`. */
  readonly id: string
  /** Member -> host name (CNAME) or IPv4 address (A). */
  readonly members: Readonly<Record<string, string>>
  /** Name server to ask, `address` or `address:port`; absent: nobody is asked. */
  readonly resolver: string | undefined
}

/** Public and private zones spell the same fields differently. */
const shapes = {
  dnszones: { apiVersion: '2018-05-01', cname: 'CNAMERecord', a: 'ARecords' },
  privatednszones: { apiVersion: '2020-06-01', cname: 'cnameRecord', a: 'aRecords' },
} as const

/**
 * Leads a record of an Azure DNS zone, public or private. Record and pointer (its metadata) are one
 * write, conditional on the ETag (I1). Callers follow within the record's TTL, which stays as it is.
 */
export function dnsRecordEndpoint(options: DnsRecordOptions): StableEndpoint {
  const { id, members, resolver } = options
  const { zone, type, record, shape } = partsOf(id)
  const host = record === '@' ? zone : `${record}.${zone}`

  const recordFor = (member: string) => {
    const target = members[member] ?? ''
    if (type === 'CNAME') return { [shape.cname]: { cname: target } }
    return { [shape.a]: [{ ipv4Address: target }] }
  }
  return wholeResourceEndpoint(
    {
      name: `dns ${host}`,
      apiVersion: shape.apiVersion,
      rights: 'DNS Zone Contributor',
      pointerIn(document) {
        const { holdfastMember, holdfastEpoch } = metadataOf(document)
        if (typeof holdfastMember !== 'string' || holdfastEpoch === undefined) return undefined
        return { member: holdfastMember, epoch: Number(holdfastEpoch) }
      },
      leading(document, { member, epoch }) {
        const metadata = {
          ...metadataOf(document),
          holdfastMember: member,
          holdfastEpoch: String(epoch),
        }
        const properties = documentAt(document.properties)
        return { ...document, properties: { ...properties, metadata, ...recordFor(member) } }
      },
      async problem(_document, { member }) {
        if (resolver === undefined) return undefined
        const wanted = members[member] ?? ''
        const found = await resolve(host, type, resolver)
        if (found === wanted) return undefined
        return `${host} leads to ${found || 'nothing'}, not to ${wanted}.`
      },
    },
    { ...options, probe: undefined },
  )
}

const metadataOf = (document: ApiDocument) => documentAt(documentAt(document.properties).metadata)

function partsOf(id: string) {
  const [, kind = '', zone = '', type = '', record = ''] =
    /\/(dnsZones|privateDnsZones)\/([^/]+)\/(CNAME|A)\/([^/]+)$/i.exec(id) ?? []
  const shape = shapes[kind.toLowerCase() as keyof typeof shapes]
  return { zone, type: type.toUpperCase() as 'CNAME' | 'A', record, shape }
}

/** What a name server says; empty when it says nothing. */
async function resolve(host: string, type: 'CNAME' | 'A', server: string): Promise<string> {
  const resolver = new Resolver({ timeout: 2000, tries: 2 })
  resolver.setServers([server])
  try {
    const [first = ''] =
      type === 'CNAME' ? await resolver.resolveCname(host) : await resolver.resolve4(host)
    return first.replace(/\.$/, '')
  } catch {
    // No answer, or that there is no such name: either way it does not lead there.
    return ''
  }
}
