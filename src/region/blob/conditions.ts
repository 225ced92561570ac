import type { IncomingHttpHeaders } from 'node:http'
import { storageError } from './storage-error.ts'

/** What conditional headers look at. `etag` without quotes; times in epoch milliseconds. */
export interface Version {
  readonly etag: string
  readonly modifiedAt: number
}

export interface Conditions {
  readonly ifMatch: string | undefined
  readonly ifNoneMatch: string | undefined
  readonly ifModifiedSince: number | undefined
  readonly ifUnmodifiedSince: number | undefined
}

/** `prefix` is `x-ms-source-` for conditions on a copy source. */
export function readConditions(headers: IncomingHttpHeaders, prefix = ''): Conditions {
  const text = (name: string): string | undefined => {
    const value = headers[prefix + name]
    return typeof value === 'string' && value !== '' ? value : undefined
  }
  return {
    ifMatch: text('if-match'),
    ifNoneMatch: text('if-none-match'),
    ifModifiedSince: time(text('if-modified-since')),
    ifUnmodifiedSince: time(text('if-unmodified-since')),
  }
}

function time(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const at = Date.parse(text)
  if (Number.isNaN(at)) throw storageError('InvalidHeaderValue')
  return at
}

/** The precondition of a read: 304 for what the caller already has, 412 for the rest. */
export function checkRead(conditions: Conditions, version: Version): void {
  if (!unchanged(conditions, version)) throw storageError('ConditionNotMet')
  if (!fresh(conditions, version)) throw storageError('ConditionNotMet', undefined, { status: 304 })
}

/** The precondition of a write; `existing` is undefined when the blob is not there. */
export function checkWrite(conditions: Conditions, existing: Version | undefined): void {
  if (existing === undefined) {
    if (conditions.ifMatch !== undefined) throw storageError('ConditionNotMet')
    return
  }
  if (conditions.ifNoneMatch === '*') throw storageError('BlobAlreadyExists')
  if (!unchanged(conditions, existing) || !fresh(conditions, existing)) {
    throw storageError('ConditionNotMet')
  }
}

export function checkSource(conditions: Conditions, source: Version): void {
  if (!unchanged(conditions, source) || !fresh(conditions, source)) {
    throw storageError('SourceConditionNotMet')
  }
}

function unchanged(conditions: Conditions, version: Version): boolean {
  const { ifMatch, ifUnmodifiedSince } = conditions
  if (ifMatch !== undefined && !names(ifMatch, version.etag)) return false
  return ifUnmodifiedSince === undefined || seconds(version.modifiedAt) <= ifUnmodifiedSince
}

function fresh(conditions: Conditions, version: Version): boolean {
  const { ifNoneMatch, ifModifiedSince } = conditions
  if (ifNoneMatch !== undefined) return !names(ifNoneMatch, version.etag)
  return ifModifiedSince === undefined || seconds(version.modifiedAt) > ifModifiedSince
}

function names(list: string, etag: string): boolean {
  return list.split(',').some((one) => {
    const text = one.trim()
    return text === '*' || text.replaceAll('"', '') === etag
  })
}

/** HTTP dates have whole seconds. */
const seconds = (at: number): number => Math.floor(at / 1000) * 1000
