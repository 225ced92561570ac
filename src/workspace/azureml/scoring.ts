import { Agent, request } from 'undici'
import { HoldfastError } from '../../model/errors.ts'
import { isObject } from '../../model/field-path.ts'
import { cancelledError } from '../cancellation.ts'
import type { CallOptions, ScoringAnswer } from '../workspace.ts'
import type { ArmObjects } from './arm-objects.ts'
import type { Cloud } from './cloud.ts'

const timeoutMs = 30_000

/** Sends scoring requests to the endpoints of one workspace, with the endpoint's own key. */
export class Scoring {
  readonly #member: string
  readonly #objects: ArmObjects
  readonly #agent: Agent
  /** An endpoint's address, and whether it answered when it was last asked. */
  #uri: string | undefined
  #isUriSure = false

  constructor(member: string, objects: ArmObjects, cloud: Cloud) {
    this.#member = member
    this.#objects = objects
    this.#agent = new Agent({ connect: cloud.ca === undefined ? {} : { ca: cloud.ca } })
  }

  async invoke(
    endpoint: string,
    payload: Uint8Array,
    options: CallOptions,
  ): Promise<ScoringAnswer> {
    const place = `online-endpoint/${endpoint}`
    const found = await this.#objects.get({ kind: 'online-endpoint', path: [endpoint] }, options)
    const uri =
      found && isObject(found.body.properties) ? found.body.properties.scoringUri : undefined
    if (typeof uri !== 'string')
      throw new HoldfastError(
        'object.not-found',
        `there is no endpoint '${endpoint}' at ${this.#member}`,
        { place },
      )
    const keys = await this.#objects.act(
      { kind: 'online-endpoint', path: [endpoint] },
      'listKeys',
      {},
      options,
    )
    const key = isObject(keys.body) ? keys.body.primaryKey : undefined
    try {
      const answer = await request(uri, {
        method: 'POST',
        body: payload,
        dispatcher: this.#agent,
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
        headers: {
          'content-type': 'application/json',
          ...(typeof key === 'string' ? { authorization: `Bearer ${key}` } : {}),
        },
        ...(options.signal ? { signal: options.signal } : {}),
      })
      const body = new Uint8Array(await answer.body.arrayBuffer())
      const deployment = answer.headers['azureml-model-deployment']
      const region = answer.headers['x-ms-region']
      return {
        status: answer.statusCode,
        body,
        region: typeof region === 'string' ? region : '',
        ...(typeof deployment === 'string' ? { deployment } : {}),
      }
    } catch (cause) {
      if (options.signal?.aborted) throw cancelledError(options.signal, place)
      throw new HoldfastError(
        'workspace.unreachable',
        `the endpoint '${endpoint}' at ${this.#member} does not answer`,
        { kind: 'transient', place, cause },
      )
    }
  }

  /** An answer of any kind from one endpoint, without a key: 401 proves that it listens. */
  async probe(options: CallOptions): Promise<void> {
    const uri = await this.#someUri(options)
    if (uri === undefined) return
    const status = await this.#statusOf(uri, options)
    this.#isUriSure = status < 404
    if (status >= 500)
      throw new HoldfastError('workspace.unavailable', `the endpoint answered ${status}`, {
        kind: 'transient',
        place: this.#member,
      })
  }

  /**
   * ARM is asked for an address only while none is known that answered: scoring does not need ARM, so
   * an outage of ARM alone must not look like one of scoring.
   */
  async #someUri(options: CallOptions): Promise<string | undefined> {
    if (this.#isUriSure) return this.#uri
    try {
      const page = await this.#objects.list('online-endpoint', { ...options, pageSize: 1 })
      const properties = page.items[0]?.body.properties
      const uri = isObject(properties) ? properties.scoringUri : undefined
      this.#uri = typeof uri === 'string' ? uri : undefined
    } catch (error) {
      if (this.#uri === undefined) throw error
    }
    return this.#uri
  }

  async #statusOf(uri: string, options: CallOptions): Promise<number> {
    this.#isUriSure = false
    const answer = await request(uri, {
      method: 'GET',
      dispatcher: this.#agent,
      headersTimeout: timeoutMs,
      ...(options.signal ? { signal: options.signal } : {}),
    }).catch((cause: unknown) => {
      throw new HoldfastError('workspace.unreachable', `no endpoint of ${this.#member} answers`, {
        kind: 'transient',
        place: this.#member,
        cause,
      })
    })
    await answer.body.dump()
    return answer.statusCode
  }

  close(): Promise<void> {
    return this.#agent.destroy()
  }
}
