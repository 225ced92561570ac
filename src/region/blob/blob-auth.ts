import { timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { BlockList, isIPv4 } from 'node:net'
import type { TokenAuthority } from '../context.ts'
import type { Target } from './blob-request.ts'
import { accountStringToSign, serviceStringToSign, sign } from './sas.ts'
import { storageError } from './storage-error.ts'

/** What an operation asks of its caller. */
export interface Need {
  /** Any one of these SAS permission letters is enough. */
  readonly permissions: string
  /** Resource type of an account SAS: service, container or object. */
  readonly resource: 's' | 'c' | 'o'
  /** Whether a service SAS can grant it at all. */
  readonly serviceSas: boolean
}

/** Who calls, as a question: throws the storage error when the caller may not. */
export type Permit = (need: Need) => void

export interface AuthOptions {
  readonly authority: TokenAuthority
  readonly keysOf: (account: string) => readonly [string, string] | undefined
  /** Which service is asked; a SAS names those it is for. Default: `blob`. */
  readonly service?: StorageService
}
export type StorageService = 'blob' | 'file'

/** What a service SAS may be for (`sr`): the container or share, and the thing in it. */
const sasResources = { blob: ['c', 'b'], file: ['s', 'f'] } as const
/** And of a blob one state alone: the query parameter that names it. */
const sasStates: Readonly<Record<string, string>> = { bs: 'snapshot', bv: 'versionid' }

export interface AuthRequest {
  readonly target: Target
  readonly method: string
  readonly headers: IncomingHttpHeaders
  readonly now: number
  /** Where the request comes from; undefined: from this region itself. */
  readonly address?: string | undefined
}

const audiences = ['https://storage.azure.com', 'https://storage.azure.com/']

/** Shared Key, SAS or bearer token; the account's keys are the root of the first two. */
export async function authenticate(request: AuthRequest, options: AuthOptions): Promise<Permit> {
  const { authorization } = request.headers
  const { target } = request
  if (authorization === undefined && !target.query.has('sig')) {
    throw storageError('NoAuthenticationInformation', undefined, {
      headers: { 'www-authenticate': challenge(options.authority) },
    })
  }
  const keys = options.keysOf(target.account)
  if (authorization?.toLowerCase().startsWith('bearer ')) {
    await verifyToken(authorization, options.authority)
    if (keys === undefined) throw storageError('AccountNotFound')
    return () => undefined
  }
  if (keys === undefined) throw storageError('AccountNotFound')
  if (authorization === undefined) return checkSas(request, keys, options.service ?? 'blob')
  checkSharedKey(request, authorization, keys)
  return () => undefined
}

/** The official clients take tenant and resource from this challenge. */
function challenge(authority: TokenAuthority): string {
  return `Bearer authorization_uri=https://login.microsoftonline.com/${authority.tenantId}/oauth2/authorize resource_id=https://storage.azure.com`
}

async function verifyToken(authorization: string, authority: TokenAuthority): Promise<void> {
  try {
    await authority.verify(authorization, audiences)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw storageError('AuthenticationFailed', `The bearer token was refused: ${reason}`, {
      status: 401,
      headers: { 'www-authenticate': challenge(authority) },
    })
  }
}

// --- Shared Key --------------------------------------------------------------------------------

function checkSharedKey(
  request: AuthRequest,
  authorization: string,
  keys: readonly [string, string],
): void {
  const { account } = request.target
  const [, scheme, name, signature] = /^(\S+) ([^:]+):(.+)$/.exec(authorization) ?? []
  if (scheme !== 'SharedKey' || name !== account || signature === undefined) {
    throw storageError('AuthenticationFailed', 'The Authorization header is not SharedKey.')
  }
  checkAge(request)
  const matches = sharedKeyStrings(request).some((text) => signedWithOneOf(keys, text, signature))
  if (!matches) {
    throw storageError('AuthenticationFailed', 'The signature of the request does not match.')
  }
}

/** A captured request is worthless after a quarter of an hour, as on Azure. */
function checkAge({ headers, now }: AuthRequest): void {
  const text = headers['x-ms-date'] ?? headers.date
  const at = typeof text === 'string' ? Date.parse(text) : Number.NaN
  if (Number.isNaN(at) || Math.abs(now - at) > 15 * 60_000) {
    throw storageError('AuthenticationFailed', 'The date of the request is missing or too old.')
  }
}

/**
 * Clients sort the `x-ms-` headers either by code point or as .NET's culture does (hyphens weigh
 * nothing, an underscore is less than a digit); Azure takes both.
 */
function sharedKeyStrings({ method, headers, target }: AuthRequest): string[] {
  const value = (name: string): string => {
    const text = headers[name]
    return typeof text === 'string' ? text : ''
  }
  const length = value('content-length')
  const head = [
    method,
    value('content-encoding'),
    value('content-language'),
    length === '0' ? '' : length,
    value('content-md5'),
    value('content-type'),
    value('date'),
    value('if-modified-since'),
    value('if-match'),
    value('if-none-match'),
    value('if-unmodified-since'),
    value('range'),
  ].join('\n')
  const names = Object.keys(headers).filter((name) => name.startsWith('x-ms-'))
  const lines = (sorted: readonly string[]): string =>
    sorted.map((name) => `${name}:${value(name).trim()}\n`).join('')
  const resource = canonicalResource(target)
  return [names.toSorted(), names.toSorted(byCulture)].map(
    (sorted) => `${head}\n${lines(sorted)}${resource}`,
  )
}

function byCulture(a: string, b: string): number {
  const weight = (name: string): string => name.replaceAll('-', '').replaceAll('_', '!')
  if (weight(a) === weight(b)) return a < b ? -1 : 1
  return weight(a) < weight(b) ? -1 : 1
}

/** The path as sent: where it begins with the account (path style), the account appears twice. */
function canonicalResource(target: Target): string {
  const query = [...target.query].toSorted(([a], [b]) => (a < b ? -1 : 1))
  const lines = query.map(([name, value]) => `\n${name}:${value}`)
  return `/${target.account}${target.rawPath}${lines.join('')}`
}

// --- SAS ---------------------------------------------------------------------------------------

function checkSas(
  { target, now, address }: AuthRequest,
  keys: readonly [string, string],
  service: StorageService,
): Permit {
  const { query } = target
  const unsupported = ['skoid', 'si', 'sdd'].find((name) => query.has(name))
  if (unsupported !== undefined) {
    throw refusedSas(`This region knows account and service SAS only, not '${unsupported}'.`)
  }
  const permit = query.has('ss')
    ? accountSas(target, keys, service)
    : resourceSas(target, keys, service)
  checkTimes(query, now)
  checkSender(query, address)
  return permit
}

function checkTimes(query: ReadonlyMap<string, string>, now: number): void {
  const expiry = Date.parse(query.get('se') ?? '')
  const start = query.get('st')
  if (Number.isNaN(expiry)) throw refusedSas('The expiry (se) is missing or not a date.')
  if (now >= expiry) throw refusedSas('The signature has expired.')
  if (start !== undefined && !(now >= Date.parse(start))) {
    throw refusedSas('The signature is not valid yet.')
  }
}

/** `sip`: one address or a range; `spr`: the protocols that may be used, and this is https. */
function checkSender(query: ReadonlyMap<string, string>, address = '127.0.0.1'): void {
  const protocols = query.get('spr')
  if (protocols !== undefined && !protocols.split(',').includes('https'))
    throw storageError('AuthorizationProtocolMismatch')
  const range = query.get('sip')
  if (range !== undefined && !isInRange(address, range))
    throw storageError('AuthorizationSourceIPMismatch')
}

function isInRange(address: string, range: string): boolean {
  const [first = '', last = first] = range.split('-')
  if (!isIPv4(first) || !isIPv4(last)) return false
  const allowed = new BlockList()
  allowed.addRange(first, last)
  const plain = address === '::1' ? '127.0.0.1' : address.replace(/^::ffff:/i, '')
  return isIPv4(plain) && allowed.check(plain)
}

function accountSas(
  target: Target,
  keys: readonly [string, string],
  service: StorageService,
): Permit {
  const { query, account } = target
  requireSignature(keys, accountStringToSign(query, account), query)
  return (need) => {
    if (!query.get('ss')?.includes(service.charAt(0)))
      throw storageError('AuthorizationServiceMismatch')
    if (!query.get('srt')?.includes(need.resource)) {
      throw storageError('AuthorizationResourceTypeMismatch')
    }
    requirePermission(query, need)
  }
}

function resourceSas(
  target: Target,
  keys: readonly [string, string],
  service: StorageService,
): Permit {
  const { query, account, container, blob } = target
  const [whole, part] = sasResources[service]
  const state = service === 'blob' ? sasStates[query.get('sr') ?? ''] : undefined
  if (state !== undefined && !query.has(state)) throw refusedSas(`The SAS is for one ${state}.`)
  const resource = state === undefined ? query.get('sr') : part
  if ((resource !== whole && resource !== part) || container === undefined) {
    throw refusedSas(`This service knows SAS with sr=${whole} or sr=${part}.`)
  }
  if (resource === part && blob === undefined) throw refusedSas(`The SAS is for one ${service}.`)
  requireSignature(keys, serviceStringToSign(query, { account, container, blob }, service), query)
  return (need) => {
    if (!need.serviceSas) throw storageError('AuthorizationPermissionMismatch')
    requirePermission(query, need)
  }
}

function requireSignature(
  keys: readonly [string, string],
  text: string,
  query: ReadonlyMap<string, string>,
): void {
  if (!signedWithOneOf(keys, text, query.get('sig') ?? '')) {
    throw refusedSas('The signature does not match.')
  }
}

function requirePermission(query: ReadonlyMap<string, string>, need: Need): void {
  const granted = query.get('sp') ?? ''
  if (![...need.permissions].some((letter) => granted.includes(letter))) {
    throw storageError('AuthorizationPermissionMismatch')
  }
}

function refusedSas(reason: string): Error {
  return storageError('AuthenticationFailed', `The shared access signature was refused. ${reason}`)
}

function signedWithOneOf(
  keys: readonly [string, string],
  text: string,
  signature: string,
): boolean {
  const given = Buffer.from(signature, 'base64')
  return keys.some((key) => {
    const wanted = Buffer.from(sign(text, key), 'base64')
    return given.length === wanted.length && timingSafeEqual(given, wanted)
  })
}
