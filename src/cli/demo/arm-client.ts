import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { Agent, request } from 'undici'
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

/** A few plain REST calls to one local region, as any user could make them with curl. */
export class ArmClient {
  readonly cloud: CloudFile
  readonly #agent: Agent
  readonly #secret: string
  #token: { readonly value: string; readonly until: number } | undefined

  private constructor(cloud: CloudFile, ca: string, secret: string) {
    this.cloud = cloud
    this.#secret = secret
    this.#agent = new Agent({ connect: { ca } })
  }

  static async open(cloudFile: string): Promise<ArmClient> {
    const folder = dirname(cloudFile)
    const cloud = JSON.parse(await readFile(cloudFile, 'utf8')) as CloudFile
    const ca = await readFile(resolve(folder, cloud.ca), 'utf8')
    const secret = (await readFile(resolve(folder, cloud.clientSecretFile), 'utf8')).trim()
    return new ArmClient(cloud, ca, secret)
  }

  async close(): Promise<void> {
    await this.#agent.close()
  }

  async token(): Promise<string> {
    if (this.#token && this.#token.until > Date.now()) return this.#token.value
    const { authority, tenantId, clientId, resourceManager } = this.cloud
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
        `region ${this.cloud.name} gave no token (HTTP ${answer.statusCode})`,
      )
    this.#token = { value: body.access_token, until: Date.now() + (body.expires_in ?? 600) * 800 }
    return this.#token.value
  }

  /** Sends a request below the region's origin; any status of 400 and above is an error. */
  async call<T>(
    method: 'GET' | 'PUT' | 'POST' | 'PATCH',
    path: string,
    body?: unknown,
  ): Promise<T> {
    const answer = await request(`${this.cloud.resourceManager}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${await this.token()}`,
        'content-type': 'application/json',
      },
      dispatcher: this.#agent,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await answer.body.text()
    if (answer.statusCode >= 400)
      throw new HoldfastError(
        'demo.request-failed',
        `${method} ${path.split('?')[0]} answered ${answer.statusCode}: ${text.slice(0, 300)}`,
      )
    return (text === '' ? undefined : JSON.parse(text)) as T
  }

  /** Creates the resource group and workspace and waits until it is there. */
  async createWorkspace(workspaceId: string): Promise<void> {
    const [, , subscription, , resourceGroup] = workspaceId.split('/')
    await this.call(
      'PUT',
      `/subscriptions/${subscription}/resourceGroups/${resourceGroup}?api-version=2022-09-01`,
      { location: this.cloud.name },
    )
    await this.call('PUT', `${workspaceId}?api-version=2025-12-01`, {
      location: this.cloud.name,
      identity: { type: 'SystemAssigned' },
      properties: { friendlyName: 'Fraud models' },
    })
    for (let attempt = 0; attempt < 100; attempt += 1) {
      const workspace = await this.call<{ properties?: { provisioningState?: string } }>(
        'GET',
        `${workspaceId}?api-version=2025-12-01`,
      )
      if (workspace.properties?.provisioningState === 'Succeeded') return
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    throw new HoldfastError('demo.workspace-slow', `workspace ${workspaceId} was not ready in time`)
  }
}
