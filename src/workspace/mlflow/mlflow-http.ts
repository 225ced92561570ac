import { setMaxListeners } from 'node:events'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Readable } from 'node:stream'
import { type Dispatcher, Pool } from 'undici'
import { HoldfastError } from '../../model/errors.ts'
import { isObject } from '../../model/field-path.ts'
import type { Json, JsonObject } from '../../model/json.ts'
import { throwIfCancelled } from '../cancellation.ts'
import { dateOf } from '../date-header.ts'
import { type MlflowCall, mlflowFailure, mlflowRefusal } from './mlflow-errors.ts'

/** Names of environment variables that hold what the server asks for; never the secret itself (D10). */
export type MlflowAuth =
  | { readonly token: string }
  | { readonly username: string; readonly password: string }

export interface MlflowHttpOptions {
  /** Member name, for messages. */
  readonly name: string
  /** Base address, as in MLFLOW_TRACKING_URI. */
  readonly url: string
  readonly auth?: MlflowAuth
  /** PEM file of a certificate authority to trust besides the public ones. */
  readonly ca?: string
  /** Folder that relative paths start from. */
  readonly folder: string
  readonly environment: Readonly<Record<string, string | undefined>>
}

export interface MlflowRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE' | 'PUT'
  /** Below the base address, query included. */
  readonly path: string
  readonly body?: object
  readonly bytes?: Dispatcher.DispatchOptions['body']
  readonly headers?: Readonly<Record<string, string>>
  /** Whole numbers of 64 bits, which JavaScript would round, come back as texts. */
  readonly longNumbers?: boolean
  readonly signal?: AbortSignal | undefined
  /** For messages: `run/abc`. */
  readonly place: string
  /** Error codes that are answers for the caller: then `undefined` comes back. */
  readonly absent?: readonly string[]
  /** What a lost answer leaves unknown; reads and repeatable writes may simply be sent again. */
  readonly effect: 'none' | 'repeatable' | 'once'
}

/** Connections of one member: enough to keep a server with several workers busy. */
const connections = 32
const timeoutMs = 120_000

/** JSON over a pool of kept connections. It repeats nothing: that is for the `retrying` decorator. */
export class MlflowHttp {
  readonly #options: MlflowHttpOptions
  readonly #base: string
  #pool: Promise<Pool> | undefined

  constructor(options: MlflowHttpOptions) {
    this.#options = options
    this.#base = new URL(options.url).pathname.replace(/\/$/, '')
  }

  /** The answer as parsed JSON; undefined when it is one of the `absent` codes. */
  async json(request: MlflowRequest): Promise<JsonObject | undefined> {
    const response = await this.#send(request)
    const text = await response.body.text().catch((cause: unknown) => {
      throw mlflowFailure(cause, this.#call(request))
    })
    const parsed = parseJson(request.longNumbers === true ? withLongNumbers(text) : text)
    if (response.statusCode < 400) return isObject(parsed) ? parsed : {}
    const code = isObject(parsed) && typeof parsed.error_code === 'string' ? parsed.error_code : ''
    if (request.absent?.includes(code)) return undefined
    throw mlflowRefusal(response, parsed, this.#call(request))
  }

  /** The server's clock, from the header of an answer of any kind. */
  async date(request: MlflowRequest): Promise<Date | undefined> {
    const { headers, body } = await this.#send(request)
    await body.dump()
    return dateOf([headers.date].flat()[0])
  }

  /** The bytes of an answer; undefined when there are none (404). */
  async stream(request: MlflowRequest): Promise<ReadableStream<Uint8Array> | undefined> {
    const response = await this.#send(request)
    if (response.statusCode < 400)
      return Readable.toWeb(response.body) as ReadableStream<Uint8Array>
    const parsed = parseJson(await response.body.text())
    if (response.statusCode === 404) return undefined
    throw mlflowRefusal(response, parsed, this.#call(request))
  }

  async close(): Promise<void> {
    await (await this.#pool)?.destroy()
  }

  async #send(request: MlflowRequest): Promise<Dispatcher.ResponseData> {
    const { method, path, body, bytes, signal, headers } = request
    throwIfCancelled(signal, request.place)
    // Many calls under way listen to one signal; that is no leak.
    if (signal !== undefined) setMaxListeners(0, signal)
    const pool = await this.#open()
    try {
      return await pool.request({
        method,
        path: this.#base + path,
        headers: {
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(bytes === undefined ? {} : { 'content-type': 'application/octet-stream' }),
          ...authorization(this.#options),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(bytes === undefined ? {} : { body: bytes }),
        ...(signal === undefined ? {} : { signal }),
      })
    } catch (cause) {
      throw mlflowFailure(cause, this.#call(request))
    }
  }

  #open(): Promise<Pool> {
    this.#pool ??= openPool(this.#options)
    return this.#pool
  }

  #call({ place, effect, signal }: MlflowRequest): MlflowCall {
    return { member: this.#options.name, place, effect, signal }
  }
}

async function openPool({ url, ca, folder }: MlflowHttpOptions): Promise<Pool> {
  const timeouts = { headersTimeout: timeoutMs, bodyTimeout: timeoutMs }
  const trust = ca === undefined ? {} : { connect: { ca: await readCa(resolve(folder, ca)) } }
  return new Pool(new URL(url).origin, { connections, ...timeouts, ...trust })
}

function readCa(file: string): Promise<string> {
  return readFile(file, 'utf8').catch((cause: unknown) => {
    throw new HoldfastError(
      'mlflow.ca-unreadable',
      `the certificate file '${file}' cannot be read`,
      {
        kind: 'operator',
        place: file,
        hint: 'Correct the path under `ca:` in continuity.yaml.',
        cause,
      },
    )
  })
}

/** Read at every use, so that a token that is renewed in the environment is used at once (D10). */
function authorization(options: MlflowHttpOptions): { authorization?: string } {
  const { auth } = options
  if (auth === undefined) return {}
  if ('token' in auth) return { authorization: `Bearer ${variable(options, auth.token)}` }
  const pair = `${variable(options, auth.username)}:${variable(options, auth.password)}`
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
}

function variable({ name, environment }: MlflowHttpOptions, wanted: string): string {
  const value = environment[wanted]
  if (value !== undefined && value !== '') return value
  throw new HoldfastError(
    'workspace.sign-in-failed',
    `${name}: the environment variable ${wanted} is not set`,
    { kind: 'operator', place: name, hint: `Set ${wanted} for the process that runs Holdfast.` },
  )
}

/** Nanoseconds and integers of spans. Inside a text the quotes would be escaped, so nothing else matches. */
function withLongNumbers(text: string): string {
  return text.replace(/("(?:\w+_unix_nano|int_value)":\s*)(-?\d+)(?=\s*[,}])/g, '$1"$2"')
}

/**
 * Python's JSON has NaN, which JavaScript's has not; it becomes the string that the wire of run
 * history uses. Inside a string the quotes before the colon would be escaped, so nothing else matches.
 */
function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json
  } catch {
    const tolerant = text.replace(/("value":\s*)(NaN|-?Infinity)(?=\s*[,}])/g, '$1"$2"')
    try {
      return JSON.parse(tolerant) as Json
    } catch {
      // A proxy's HTML page: the status says enough.
      return undefined
    }
  }
}
