import { HoldfastError } from '../../model/errors.ts'
import { isObject } from '../../model/field-path.ts'
import type { JsonObject } from '../../model/json.ts'
import { type ArmKind, armKind, type Kind } from '../../model/kinds.ts'
import { formatObjectId, type ObjectId } from '../../model/object-id.ts'
import { sleep } from '../cancellation.ts'
import type {
  CallOptions,
  Page,
  PageOptions,
  PutOptions,
  Secret,
  WorkspaceObject,
  WriteOptions,
} from '../workspace.ts'
import type { HttpAnswer, HttpClient } from './http-client.ts'
import { retryAfterMs, serviceError } from './http-errors.ts'

/** Writable shapes are the same from here to the newest stable version (facts, section 0). */
export const machineLearningVersion = '2025-12-01'

/** ARM documents of one workspace. */
export class ArmObjects {
  readonly #http: HttpClient
  readonly #base: string
  readonly #workspaceId: string

  /** `base`: address of Azure Resource Manager; `workspaceId`: ARM id of the workspace. */
  constructor(http: HttpClient, base: string, workspaceId: string) {
    this.#http = http
    this.#base = base
    this.#workspaceId = workspaceId
  }

  url(path: string, query: Readonly<Record<string, string>> = {}): string {
    const search = new URLSearchParams({ 'api-version': machineLearningVersion, ...query })
    return `${this.#base}${path}?${search}`
  }

  path(id: ObjectId): string {
    const kind = armKindOf(id.kind)
    return `${this.#workspaceId}/${kind.segments.map((segment, i) => `${segment}/${encodeURIComponent(id.path[i] ?? '')}`).join('/')}`
  }

  async list(
    kind: Kind,
    options: PageOptions & { readonly parent?: ObjectId } = {},
  ): Promise<Page<WorkspaceObject>> {
    const arm = armKindOf(kind)
    if (arm.parent !== undefined && options.parent === undefined)
      return this.#listBelowAll(arm, arm.parent, options)
    const first = `${this.#workspaceId}/${listPath(arm, options.parent)}`
    const url =
      options.cursor === undefined
        ? // No size: `$top` and `count` bound the whole list, not a page of it.
          this.url(first, arm.listQuery)
        : this.checked(options.cursor)
    const answer = await this.#http.send({
      method: 'GET',
      url,
      place: `${kind} list`,
      signal: options.signal,
      ...(options.parent ? { accept: [404] } : {}),
    })
    // A parent that vanished between two pages has nothing below it.
    if (answer.status === 404) return { items: [] }
    const body = isObject(answer.body) ? answer.body : {}
    const items = (Array.isArray(body.value) ? body.value : [])
      .filter(isObject)
      .map((document) => toObject(kind, document))
    return {
      items,
      ...(typeof body.nextLink === 'string' && body.nextLink !== ''
        ? { cursor: body.nextLink }
        : {}),
    }
  }

  async get(id: ObjectId, options: CallOptions = {}): Promise<WorkspaceObject | undefined> {
    const answer = await this.#http.send({
      method: 'GET',
      // The workspace's own document can be read, never written.
      url: this.url(id.kind === 'workspace' ? this.#workspaceId : this.path(id)),
      place: formatObjectId(id),
      signal: options.signal,
      accept: [404],
    })
    return answer.status === 404 || !isObject(answer.body)
      ? undefined
      : toObject(id.kind, answer.body, answer.header('etag'))
  }

  async put(id: ObjectId, body: JsonObject, options: PutOptions): Promise<WorkspaceObject> {
    const place = formatObjectId(id)
    if (options.condition === 'absent' && (await this.get(id, options)) !== undefined) {
      throw new HoldfastError('object.exists', `${place} exists already`, { place })
    }
    const headers =
      typeof options.condition === 'object'
        ? { 'if-match': options.condition.etag }
        : options.condition === 'absent'
          ? { 'if-none-match': '*' }
          : {}
    const query: Record<string, string> = id.kind === 'datastore' ? { skipValidation: 'true' } : {}
    const answer = await this.#http
      .send({
        method: 'PUT',
        url: this.url(this.path(id), query),
        body: withSecrets(id.kind, body, options.secrets),
        headers,
        place,
        signal: options.signal,
      })
      .catch((error: unknown) => {
        if (
          options.condition === 'absent' &&
          error instanceof HoldfastError &&
          error.code === 'object.changed'
        )
          throw new HoldfastError('object.exists', `${place} exists already`, {
            place,
            cause: error,
          })
        throw error
      })
    await this.#finish(answer, place, options)
    const stored = await this.get(id, options)
    if (stored === undefined)
      throw new HoldfastError('object.vanished', `${place} was written and is not there`, {
        kind: 'transient',
        place,
      })
    return stored
  }

  async delete(id: ObjectId, options: WriteOptions): Promise<void> {
    const place = formatObjectId(id)
    const answer = await this.#http.send({
      method: 'DELETE',
      url: this.url(this.path(id)),
      place,
      signal: options.signal,
      accept: [404],
    })
    if (answer.status !== 404) await this.#finish(answer, place, options)
  }

  /** `POST {id}/{action}`; undefined when there is nothing to answer. */
  async act(
    id: ObjectId,
    action: string,
    body: unknown,
    options: CallOptions & { readonly accept?: readonly number[] } = {},
  ): Promise<HttpAnswer> {
    const answer = await this.#http.send({
      method: 'POST',
      url: this.url(`${this.path(id)}/${action}`),
      body: body ?? {},
      place: `${formatObjectId(id)} ${action}`,
      signal: options.signal,
      ...(options.accept ? { accept: options.accept } : {}),
    })
    if (answer.status < 400) await this.#finish(answer, `${formatObjectId(id)} ${action}`, options)
    return answer
  }

  /** Waits for a long-running operation (facts, LRO styles); the first look comes at once. */
  async #finish(answer: HttpAnswer, place: string, options: CallOptions): Promise<void> {
    const status = answer.header('azure-asyncoperation')
    const location = answer.header('location')
    const poll = status ?? (answer.status === 202 ? location : undefined)
    if (poll === undefined) return
    let waitMs = 0
    for (;;) {
      if (waitMs > 0) await sleep(waitMs, options.signal)
      const next = await this.#http.send({
        method: 'GET',
        url: this.checked(poll),
        place,
        signal: options.signal,
      })
      const state =
        isObject(next.body) && typeof next.body.status === 'string'
          ? next.body.status
          : next.status === 202
            ? 'InProgress'
            : 'Succeeded'
      if (/^succeeded$/i.test(state)) return
      if (/^(failed|canceled)$/i.test(state)) {
        const { code, message } = serviceError(next)
        throw new HoldfastError(
          'object.operation-failed',
          `the operation ended ${state}: ${code ?? ''} ${message ?? ''}`.trim(),
          { place },
        )
      }
      waitMs = Math.min(retryAfterMs(next) ?? 1000, 30_000)
    }
  }

  /** Versions and deployments are listed per parent; the cursor remembers which parents are left. */
  async #listBelowAll(
    arm: ArmKind,
    parent: Kind,
    options: PageOptions,
  ): Promise<Page<WorkspaceObject>> {
    const state: Walk =
      options.cursor === undefined
        ? { parents: [], more: '' }
        : (JSON.parse(options.cursor) as Walk)
    const call = {
      ...(options.signal ? { signal: options.signal } : {}),
    }
    const [current] = state.parents
    if (current === undefined) {
      const page = await this.list(parent, {
        ...call,
        ...(state.more ? { cursor: state.more } : {}),
      })
      return walked([], { parents: page.items.map((item) => item.id.path), more: page.cursor })
    }
    const page = await this.list(arm.kind, {
      ...call,
      parent: { kind: parent, path: current },
      ...(state.inner ? { cursor: state.inner } : {}),
    })
    if (page.cursor !== undefined) return walked(page.items, { ...state, inner: page.cursor })
    return walked(page.items, { parents: state.parents.slice(1), more: state.more })
  }

  /** Links of the service are followed verbatim, but only to where the token belongs (I9). */
  checked(link: string): string {
    const url = new URL(link, this.#base)
    if (url.origin !== new URL(this.#base).origin) {
      throw new HoldfastError(
        'workspace.foreign-link',
        `the service sent a link to another host, ${url.host}`,
        { place: this.#workspaceId },
      )
    }
    return url.href
  }
}

interface Walk {
  readonly parents: readonly (readonly string[])[]
  /** Link of the parents' next page; '' before the first, undefined after the last. */
  readonly more: string | undefined
  readonly inner?: string
}

function walked(items: readonly WorkspaceObject[], next: Walk): Page<WorkspaceObject> {
  const ended = next.parents.length === 0 && next.more === undefined
  return ended ? { items } : { items, cursor: JSON.stringify(next) }
}

function armKindOf(kind: Kind): ArmKind {
  const found = armKind(kind)
  if (found === undefined)
    throw new HoldfastError(
      'object.unsupported-kind',
      `a ${kind} is no ARM document of a workspace`,
    )
  return found
}

function listPath(arm: ArmKind, parent: ObjectId | undefined): string {
  return arm.segments
    .map((segment, i) =>
      i < arm.segments.length - 1
        ? `${segment}/${encodeURIComponent(parent?.path[i] ?? '')}`
        : segment,
    )
    .join('/')
}

/** Names come from the id: a name itself may be spelled differently in `name` (`1` of `x/versions/1`). */
function toObject(kind: Kind, body: JsonObject, etag?: string): WorkspaceObject {
  const segments = typeof body.id === 'string' ? body.id.split('/') : []
  const names = segments.slice(9).filter((_, i) => i % 2 === 1)
  const modified = isObject(body.systemData) ? body.systemData.lastModifiedAt : undefined
  const tag = etag ?? (typeof body.etag === 'string' ? body.etag : undefined)
  return {
    id: { kind, path: names },
    body,
    ...(tag === undefined ? {} : { etag: tag }),
    ...(typeof modified === 'string' ? { modifiedAt: modified } : {}),
  }
}

/** The one place where a revealed secret meets a document: the request body (I9). */
function withSecrets(kind: Kind, body: JsonObject, secrets: Secret | undefined): JsonObject {
  if (secrets === undefined) return body
  const properties = isObject(body.properties) ? body.properties : {}
  const value = secrets.reveal()
  if (kind === 'datastore') {
    const credentials = isObject(properties.credentials) ? properties.credentials : {}
    const type =
      typeof credentials.credentialsType === 'string' && credentials.credentialsType !== 'None'
        ? credentials.credentialsType
        : value.secretsType
    return {
      ...body,
      properties: {
        ...properties,
        credentials: { ...credentials, credentialsType: type, secrets: value },
      },
    }
  }
  if (kind === 'connection') {
    const credentials = isObject(properties.credentials) ? properties.credentials : {}
    return { ...body, properties: { ...properties, credentials: { ...credentials, ...value } } }
  }
  return { ...body, properties: { ...properties, keys: value } }
}
