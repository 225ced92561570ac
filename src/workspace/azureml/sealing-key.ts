import { HoldfastError } from '../../model/errors.ts'
import { isObject } from '../../model/field-path.ts'
import { newSealingKey } from '../sealing.ts'
import { secretOf } from '../secret.ts'
import type { CallOptions, Secret } from '../workspace.ts'
import type { Cloud } from './cloud.ts'
import { HttpClient } from './http-client.ts'

const secretName = 'holdfast-sealing-key'
const secretVersion = '7.4'
const vaultVersion = '2023-07-01'

/** The one secret that Holdfast itself keeps, in the key vault of the workspace (I9, I10). */
export class SealingKey {
  readonly #arm: HttpClient
  readonly #vault: HttpClient
  readonly #cloud: Cloud
  #known: Secret<string> | undefined
  #address: string | undefined

  constructor(member: string, arm: HttpClient, cloud: Cloud) {
    this.#arm = arm
    this.#cloud = cloud
    this.#vault = new HttpClient(member, cloud, cloud.vaultAudience)
  }

  /** A key is remembered, its absence is not. */
  async read(
    vaultId: string | undefined,
    options: CallOptions,
  ): Promise<Secret<string> | undefined> {
    if (this.#known !== undefined) return this.#known
    const answer = await this.#vault.send({
      method: 'GET',
      url: await this.#url(vaultId, options),
      place: secretName,
      signal: options.signal,
      accept: [404],
    })
    const value = answer.status !== 404 && isObject(answer.body) ? answer.body.value : undefined
    if (typeof value === 'string') this.#known = secretOf(value)
    return this.#known
  }

  async make(vaultId: string | undefined, options: CallOptions): Promise<Secret<string>> {
    const found = await this.read(vaultId, options)
    if (found !== undefined) return found
    await this.#vault.send({
      method: 'PUT',
      url: await this.#url(vaultId, options),
      body: { value: newSealingKey(), contentType: 'Key of Holdfast; do not delete' },
      place: secretName,
      signal: options.signal,
    })
    const made = await this.read(vaultId, options)
    if (made !== undefined) return made
    throw new HoldfastError('object.vanished', `${secretName} was written and is not there`, {
      kind: 'transient',
      place: secretName,
    })
  }

  close(): void {
    this.#vault.close()
  }

  async #url(vaultId: string | undefined, { signal }: CallOptions): Promise<string> {
    this.#address ??= await this.#find(vaultId, signal)
    return `${this.#address}/secrets/${secretName}?api-version=${secretVersion}`
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
