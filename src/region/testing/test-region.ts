import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { Agent, request } from 'undici'
import { type RegionOptions, type RunningRegion, startRegion } from '../start-region.ts'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Parsed when it is JSON, else the text. */
  readonly body: unknown
}
export interface CallOptions {
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  /** `null` sends none; default: a token for Azure Resource Manager. */
  readonly token?: string | null
}
export type Call = (method: string, path: string, options?: CallOptions) => Promise<Answer>

/** A client of one region, signed in through its cloud file as any other client would be. */
export interface RegionClient {
  readonly call: Call
  token(audience: string): Promise<string>
  /** Forgets its tokens: a clock that jumped has ended them. */
  signInAgain(): void
  close(): Promise<void>
}

/** A region in a temporary folder on free ports, and a client of it. */
export interface TestRegion extends RegionClient {
  readonly region: RunningRegion
  readonly dataDir: string
  /** Stops the region, and removes its folder unless it was given. */
  stop(): Promise<void>
}

export async function startTestRegion(options: Partial<RegionOptions> = {}): Promise<TestRegion> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'holdfast-region-'))
  const region = await startRegion({ name: 'eastus', ...options, dataDir })
  const client = regionClient(region.cloudFile)
  return {
    ...client,
    region,
    dataDir,
    async stop() {
      await client.close()
      await region.stop()
      if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

interface CloudFile {
  resourceManager: string
  authority: string
  tenantId: string
  ca: string
  clientId: string
  clientSecretFile: string
}

export function regionClient(cloudFile: string): RegionClient {
  const cloud = JSON.parse(readFileSync(cloudFile, 'utf8')) as CloudFile
  const folder = dirname(cloudFile)
  const ca = readFileSync(resolve(folder, cloud.ca), 'utf8')
  const secret = readFileSync(resolve(folder, cloud.clientSecretFile), 'utf8')
  const dispatcher = new Agent({ connect: { ca } })
  const tokens = new Map<string, Promise<string>>()

  async function fetchToken(audience: string): Promise<string> {
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: cloud.clientId,
      client_secret: secret,
      scope: `${audience}/.default`,
    })
    const url = `${cloud.authority}/${cloud.tenantId}/oauth2/v2.0/token`
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const answer = await request(url, { method: 'POST', headers, body: `${form}`, dispatcher })
    const { access_token } = (await answer.body.json()) as { access_token: string }
    return access_token
  }
  const token = (audience: string) => {
    const known = tokens.get(audience) ?? fetchToken(audience)
    tokens.set(audience, known)
    return known
  }

  return {
    token,
    signInAgain: () => tokens.clear(),
    close: () => dispatcher.close(),
    async call(method, path, options = {}) {
      const bearer = options.token ?? (await token('https://management.azure.com'))
      const url = path.startsWith('https://') ? path : `${cloud.resourceManager}${path}`
      const { origin } = new URL(url)
      const { body } = options
      const answer = await dispatcher.request({
        method: method as 'GET',
        origin,
        // As given: a URL object would resolve what the tests want to arrive, such as `%2e%2e`.
        path: url.slice(origin.length).replaceAll(' ', '%20'),
        headers: {
          ...(options.token !== null && { authorization: `Bearer ${bearer}` }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
          ...options.headers,
        },
        ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
      })
      const text = await answer.body.text()
      const isJson = String(answer.headers['content-type'] ?? '').includes('json')
      return {
        status: answer.statusCode,
        headers: answer.headers,
        body: isJson && text !== '' ? (JSON.parse(text) as unknown) : text,
      }
    },
  }
}

/** Follows a long-running operation to its end, as Azure's clients do; returns the last answer. */
export async function settled(call: Call, started: Answer): Promise<Answer> {
  const poll = started.headers['azure-asyncoperation'] ?? started.headers.location
  if (typeof poll !== 'string') return started
  for (;;) {
    const answer = await call('GET', poll)
    const { status } = answer.body as { status?: string }
    if (answer.status !== 202 && status !== 'InProgress') return answer
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
