import { XMLParser, XMLValidator } from 'fast-xml-parser'
import type { ServedBlobEngine } from './blob-engine.ts'
import { type BlobCall, readText } from './blob-request.ts'
import type { Answer } from './container-operations.ts'
import type { DeleteRetention } from './service-policies.ts'
import { storageError } from './storage-error.ts'
import { element } from './storage-xml.ts'

/** Of the service's properties, soft delete is what this region has; the rest is off. */
export function serviceProperties(call: BlobCall, engine: ServedBlobEngine): Answer {
  const { deleteRetentionDays: days, allowPermanentDelete } = engine.store.policies.of(call.account)
  const off = '<Version>1.0</Version>'
  const noMetrics = `${off}<Enabled>false</Enabled><RetentionPolicy><Enabled>false</Enabled></RetentionPolicy>`
  const retention = [
    element('Enabled', String(days !== undefined)),
    ...(days === undefined ? [] : [element('Days', days)]),
    ...(allowPermanentDelete ? [element('AllowPermanentDelete', 'true')] : []),
  ].join('')
  const xml = [
    '<?xml version="1.0" encoding="utf-8"?><StorageServiceProperties>',
    `<Logging>${off}<Delete>false</Delete><Read>false</Read><Write>false</Write>`,
    '<RetentionPolicy><Enabled>false</Enabled></RetentionPolicy></Logging>',
    `<HourMetrics>${noMetrics}</HourMetrics><MinuteMetrics>${noMetrics}</MinuteMetrics>`,
    `<Cors /><DeleteRetentionPolicy>${retention}</DeleteRetentionPolicy>`,
    '<StaticWebsite><Enabled>false</Enabled></StaticWebsite></StorageServiceProperties>',
  ].join('')
  return { status: 200, xml }
}

/** What is left out stays as it is. */
export async function setServiceProperties(
  call: BlobCall,
  engine: ServedBlobEngine,
): Promise<Answer> {
  const document = parse(await readText(call))
  refuseWhatIsAbsent(document)
  const policy = document.DeleteRetentionPolicy
  if (policy !== undefined)
    engine.store.policies.setDeleteRetention(call.account, retentionOf(record(policy)))
  return { status: 202 }
}

type Document = Readonly<Record<string, unknown>>

function parse(xml: string): Document {
  // Entities could read files or grow without end; no document of the service declares any.
  if (/<!DOCTYPE/i.test(xml) || XMLValidator.validate(xml) !== true)
    throw storageError('InvalidXmlDocument')
  const parsed = record(new XMLParser({ parseTagValue: false }).parse(xml))
  if (!('StorageServiceProperties' in parsed)) throw storageError('InvalidXmlDocument')
  return record(parsed.StorageServiceProperties)
}

function refuseWhatIsAbsent(document: Document): void {
  const isOn = (part: unknown): boolean =>
    ['Enabled', 'Read', 'Write', 'Delete'].some((name) => record(part)[name] === 'true')
  const parts = ['Logging', 'HourMetrics', 'MinuteMetrics', 'StaticWebsite']
  const asked = parts.filter((name) => isOn(document[name]))
  if ('CorsRule' in record(document.Cors)) asked.push('Cors')
  if (asked.length > 0)
    throw storageError('NotImplemented', `This region does not offer ${asked.join(', ')}.`)
}

function retentionOf(policy: Document): DeleteRetention {
  const allowPermanentDelete = policy.AllowPermanentDelete === 'true'
  if (policy.Enabled !== 'true') return { days: undefined, allowPermanentDelete }
  const days = Number(policy.Days)
  if (!Number.isInteger(days) || days < 1 || days > 365)
    throw storageError('InvalidXmlDocument', 'Deleted blobs are kept for 1 to 365 days.')
  return { days, allowPermanentDelete }
}

function record(value: unknown): Document {
  return typeof value === 'object' && value !== null ? (value as Document) : {}
}
