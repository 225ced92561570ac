import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { Agent, type Dispatcher, request } from 'undici'
import { HoldfastError } from '../../model/errors.ts'

interface CloudFile {
  readonly name: string
  readonly resourceManager: string
  readonly authority: string
  readonly tenantId: string
  readonly ca: string
  readonly clientId: string
  readonly clientSecretFile: string
}

export interface RestRequest {
  readonly method?: Dispatcher.HttpMethod
  readonly body?: unknown
  /** Instead of the region's own token, e.g. an endpoint's key. */
  readonly bearer?: string
}

/** Plain REST with one local region's sign-in, as any user could do it with curl. */
export class RestClient {
  readonly cloud: CloudFile
  readonly #agent: Agent
  readonly #secret: string
  #token: { readonly value: string; readonly until: number } | undefined

  private constructor(cloud: CloudFile, ca: string, secret: string) {
    this.cloud = cloud
    this.#secret = secret
    this.#agent = new Agent({ connect: { ca }, connections: 16 })
  }

  static async open(cloudFile: string): Promise<RestClient> {
    const folder = dirname(cloudFile)
    const cloud = JSON.parse(await readFile(cloudFile, 'utf8')) as CloudFile
    const ca = await readFile(resolve(folder, cloud.ca), 'utf8')
    const secret = (await readFile(resolve(folder, cloud.clientSecretFile), 'utf8')).trim()
    return new RestClient(cloud, ca, secret)
  }

  async close(): Promise<void> {
    await this.#agent.destroy()
  }

  async token(): Promise<string> {
    if (this.#token && this.#token.until > Date.now()) return this.#token.value
    const { authority, tenantId, clientId, resourceManager, name } = this.cloud
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      client_secret: this.#secret,
      scope: `${resourceManager}/.default`,
    })
    const answer = await request(`${authority}/${tenantId}/oauth2/v2.0/token`, {
      method: 'POST',
      body: form.toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      dispatcher: this.#agent,
    })
    const body = (await answer.body.json()) as { access_token?: string; expires_in?: number }
    if (body.access_token === undefined)
      throw new HoldfastError(
        'demo.no-token',
        `Region ${name} gave no token (HTTP ${answer.statusCode}).`,
      )
    this.#token = { value: body.access_token, until: Date.now() + (body.expires_in ?? 600) * 800 }
    return this.#token.value
  }

  /** `target`: a path below the region's origin, or an absolute URL. A status from 400 is an error. */
  async bytes(target: string, options: RestRequest = {}): Promise<Buffer> {
    const { method = 'GET', body, bearer = await this.token() } = options
    const url = target.startsWith('/') ? `${this.cloud.resourceManager}${target}` : target
    const answer = await request(url, {
      method,
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/json' },
      dispatcher: this.#agent,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const bytes = Buffer.from(await answer.body.arrayBuffer())
    if (answer.statusCode < 400) return bytes
    throw new HoldfastError(
      'demo.request-failed',
      `${method} ${target.split('?')[0]} answered ${answer.statusCode}: ${bytes.toString().slice(0, 300)}`,
    )
  }

  async json<T>(target: string, options?: RestRequest): Promise<T> {
    const text = (await this.bytes(target, options)).toString()
    return (text === '' ? undefined : JSON.parse(text)) as T
  }
}
