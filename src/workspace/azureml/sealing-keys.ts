import { HoldfastError } from '../../model/errors.ts'
import { isObject } from '../../model/field-path.ts'
import type { Json } from '../../model/json.ts'
import { newSealingKey } from '../sealing.ts'
import { secretOf } from '../secret.ts'
import type { CallOptions, SealingKey } from '../workspace.ts'
import type { Cloud } from './cloud.ts'
import { HttpClient } from './http-client.ts'

const secretName = 'holdfast-sealing-key'
const secretVersion = '7.4'
const vaultVersion = '2023-07-01'

/** The one secret that Holdfast itself keeps, in the key vault of the workspace (I9, I10). */
export class SealingKeys {
  readonly #arm: HttpClient
  readonly #vault: HttpClient
  readonly #cloud: Cloud
  readonly #known = new Map<string, SealingKey>()
  #newest: SealingKey | undefined
  #address: string | undefined

  constructor(member: string, arm: HttpClient, cloud: Cloud) {
    this.#arm = arm
    this.#vault = new HttpClient(member, cloud, cloud.vaultAudience)
    this.#cloud = cloud
  }

  /** Keys are remembered, their absence is not. Ids are the versions of the secret. */
  async read(
    vaultId: string | undefined,
    options: CallOptions & { readonly id?: string },
  ): Promise<SealingKey | undefined> {
    const { id } = options
    const known = id === undefined ? this.#newest : this.#known.get(id)
    if (known !== undefined) return known
    const version = id === undefined ? '' : `/${encodeURIComponent(id)}`
    const answer = await this.#vault.send({
      method: 'GET',
      url: await this.#url(vaultId, version, options),
      place: secretName,
      signal: options.signal,
      accept: [404],
    })
    const found = answer.status === 404 ? undefined : this.#learn(answer.body)
    if (id === undefined) this.#newest = found
    return found
  }

  async make(vaultId: string | undefined, options: CallOptions): Promise<SealingKey> {
    const found = await this.read(vaultId, options)
    if (found !== undefined) return found
    const { body } = await this.#vault.send({
      method: 'PUT',
      url: await this.#url(vaultId, '', options),
      body: { value: newSealingKey(), contentType: 'Key of Holdfast; do not delete' },
      place: secretName,
      signal: options.signal,
    })
    this.#newest = this.#learn(body)
    if (this.#newest !== undefined) return this.#newest
    throw new HoldfastError('object.vanished', `${secretName} was written and is not there`, {
      kind: 'transient',
      place: secretName,
    })
  }

  #learn(body: Json | undefined): SealingKey | undefined {
    if (!isObject(body) || typeof body.id !== 'string' || typeof body.value !== 'string') return
    const id = body.id.split('/').at(-1) ?? ''
    const key = { id, key: secretOf(body.value) }
    this.#known.set(id, key)
    return key
  }

  close(): void {
    this.#vault.close()
  }

  async #url(
    vaultId: string | undefined,
    version: string,
    { signal }: CallOptions,
  ): Promise<string> {
    this.#address ??= await this.#find(vaultId, signal)
    return `${this.#address}/secrets/${secretName}${version}?api-version=${secretVersion}`
  }

  async #find(vaultId: string | undefined, signal: AbortSignal | undefined): Promise<string> {
    if (vaultId === undefined)
      throw new HoldfastError('workspace.no-vault', 'the workspace has no key vault', {
        kind: 'operator',
      })
    const { body } = await this.#arm.send({
      method: 'GET',
      url: `${this.#cloud.resourceManager}${vaultId}?api-version=${vaultVersion}`,
      place: 'key vault',
      signal,
    })
    const properties = isObject(body) && isObject(body.properties) ? body.properties : {}
    return String(properties.vaultUri ?? '').replace(/\/$/, '')
  }
}
