import { type LookupOptions, lookup } from 'node:dns'
import { Agent } from 'node:https'
import type { LookupFunction } from 'node:net'
import {
  agentPolicy,
  createDefaultHttpClient,
  createEmptyPipeline,
  createHttpHeaders,
  createPipelineRequest,
  type HttpMethods,
  type PipelineResponse,
  type RequestBodyType,
  userAgentPolicy,
} from '@azure/core-rest-pipeline'
import { HoldfastError } from '../../model/errors.ts'
import type { Json } from '../../model/json.ts'
import { throwIfCancelled } from '../cancellation.ts'
import { deadlineOf } from '../deadline.ts'
import type { Cloud } from './cloud.ts'
import { type CallFacts, translateFailure, translateStatus } from './http-errors.ts'
import { object, text } from './json-reads.ts'

export interface RegistryRequest {
  readonly method: HttpMethods
  /** Below the registry, or absolute as the registry gave it. */
  readonly path: string
  /** `repository:azureml/env:pull`. */
  readonly scope: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: RequestBodyType
  /** Bytes that travel with it, for which there is more time. */
  readonly sizeBytes?: number
  /** The body of the answer is read by the caller. */
  readonly isStreamed?: boolean
  /** For messages. */
  readonly place: string
  readonly signal?: AbortSignal | undefined
  /** Answers that are no errors besides 2xx. */
  readonly accept?: readonly number[]
}

/** Milliseconds for an answer, besides the time that its bytes take. */
const answerMs = 60_000
/** No copy between regions is slower than this for long. */
const leastBytesPerMs = 1000
const redirects = new Set([301, 302, 307, 308])

/**
 * HTTP with one container registry. A token of the directory is exchanged for one of the registry,
 * that for one of each scope; what the registry refuses with 401 is asked once more with fresh ones.
 */
export class RegistryClient {
  readonly #member: string
  readonly #cloud: Cloud
  readonly #server: string
  readonly #agent: Agent
  readonly #http = createDefaultHttpClient()
  readonly #pipeline = createEmptyPipeline()
  readonly #closing = new AbortController()
  readonly #tokens = new Map<string, Promise<string>>()
  #refreshToken: Promise<string> | undefined

  constructor(member: string, cloud: Cloud, server: string) {
    this.#member = member
    this.#cloud = cloud
    this.#server = server
    this.#pipeline.addPolicy(userAgentPolicy({ userAgentPrefix: 'holdfast' }))
    this.#agent = new Agent({
      keepAlive: true,
      lookup: lookupLocal,
      ...(cloud.ca === undefined ? {} : { ca: cloud.ca }),
    })
    this.#pipeline.addPolicy(agentPolicy(this.#agent))
  }

  async send(request: RegistryRequest): Promise<PipelineResponse> {
    const first = await this.#authorized(request)
    if (first.status !== 401 || isStream(request.body)) return this.#judged(request, first)
    this.#tokens.clear()
    this.#refreshToken = undefined
    return this.#judged(request, await this.#authorized(request))
  }

  close(): void {
    this.#closing.abort()
    this.#agent.destroy()
  }

  async #authorized(request: RegistryRequest): Promise<PipelineResponse> {
    const { scope } = request
    const token = this.#tokens.get(scope) ?? this.#accessToken(request)
    this.#tokens.set(scope, token)
    token.catch(() => this.#tokens.delete(scope))
    const url = new URL(request.path, `https://${this.#server}`)
    const isOwn = url.host === this.#server
    const authorization = { authorization: `Bearer ${await token}` }
    const answer = await this.#exchange(url.href, request, isOwn ? authorization : {})
    const location = answer.headers.get('location')
    if (!redirects.has(answer.status) || location === undefined) return answer
    // The address is signed for whoever has it; a token of ours is no business of the store there.
    return this.#exchange(new URL(location, url).href, request, {})
  }

  async #exchange(
    url: string,
    request: Omit<RegistryRequest, 'scope' | 'path'>,
    authorization: Readonly<Record<string, string>>,
  ): Promise<PipelineResponse> {
    const { method, signal, place, body, sizeBytes = 0 } = request
    throwIfCancelled(signal, place)
    const limitMs = answerMs + Math.ceil(sizeBytes / leastBytesPerMs)
    const deadline = deadlineOf(limitMs, signal, this.#closing.signal)
    try {
      return await this.#pipeline.sendRequest(
        this.#http,
        createPipelineRequest({
          ...{ url, method, timeout: 0, abortSignal: deadline.signal },
          headers: createHttpHeaders({ ...request.headers, ...authorization }),
          ...(body === undefined ? {} : { body }),
          ...(request.isStreamed === true ? { streamResponseStatusCodes: new Set([200]) } : {}),
        }),
      )
    } catch (cause) {
      throw translateFailure(cause, this.#facts(request))
    } finally {
      // The body of a streamed answer is read afterwards; whoever reads it sees that it goes on.
      deadline.lift()
    }
  }

  #judged(request: RegistryRequest, answer: PipelineResponse): PipelineResponse {
    const { status } = answer
    if (status < 400 || request.accept?.includes(status)) return answer
    const { errors } = object(parsed(answer.bodyAsText))
    const body = Array.isArray(errors) ? errors[0] : undefined
    const header = (name: string) => answer.headers.get(name)
    const facts = this.#facts(request)
    if (status === 401 || status === 403)
      throw new HoldfastError(
        'workspace.forbidden',
        `${this.#member}'s container registry answered ${status}`,
        {
          ...{ kind: 'operator', place: `${this.#member}: ${request.place}` },
          hint: 'Give this identity AcrPull on the container registry, and AcrPush where images are copied to.',
        },
      )
    throw translateStatus({ status, header, body }, facts)
  }

  #facts({ place, signal }: Pick<RegistryRequest, 'place' | 'signal'>): CallFacts {
    // What is written is named by its digest, so a lost answer may be asked for again.
    return { member: this.#member, place, writes: false, signal }
  }

  async #accessToken(request: RegistryRequest): Promise<string> {
    this.#refreshToken ??= this.#exchangeToken(request)
    const refreshToken = this.#refreshToken
    refreshToken.catch(() => {
      if (this.#refreshToken === refreshToken) this.#refreshToken = undefined
    })
    const answer = await this.#form(request, '/oauth2/token', {
      grant_type: 'refresh_token',
      scope: request.scope,
      refresh_token: await refreshToken,
    })
    return text(answer.access_token)
  }

  async #exchangeToken(request: RegistryRequest): Promise<string> {
    const credential = await this.#cloud.credential()
    const token = await credential
      .getToken(`${this.#cloud.registryAudience}/.default`)
      .catch((cause: unknown) => {
        throw translateFailure(cause, this.#facts(request))
      })
    const answer = await this.#form(request, '/oauth2/exchange', {
      grant_type: 'access_token',
      access_token: token?.token ?? '',
    })
    return text(answer.refresh_token)
  }

  async #form(
    { signal, place }: RegistryRequest,
    path: string,
    fields: Readonly<Record<string, string>>,
  ): Promise<Readonly<Record<string, Json | undefined>>> {
    const request = {
      ...({ method: 'POST', path, scope: '', place, signal } as const),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: `${new URLSearchParams({ service: this.#server, ...fields })}`,
    }
    const answer = await this.#exchange(`https://${this.#server}${path}`, request, {})
    return object(parsed(this.#judged(request, answer).bodyAsText))
  }
}

/** Can be sent once only. */
const isStream = (body: RequestBodyType | undefined): boolean =>
  typeof body === 'object' && body !== null && 'pipe' in body

function parsed(body: string | null | undefined): Json | undefined {
  try {
    return body ? (JSON.parse(body) as Json) : undefined
  } catch {
    // The page of a proxy: the status says enough.
    return undefined
  }
}

/** Names below `localhost` are this machine (RFC 6761), which not every resolver knows. */
const lookupLocal: LookupFunction = (hostname, options, done) => {
  const isLocal = /\.localhost$/i.test(hostname)
  lookup(isLocal ? '127.0.0.1' : hostname, options as LookupOptions, done as never)
}
