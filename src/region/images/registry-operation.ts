import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Scope } from './registry-sign-in.ts'

/** One request to a registry, taken apart. */
export interface AskedImage {
  /** Name in lower case. */
  readonly registry: string
  readonly repository: string
  /** Tag, digest or upload. */
  readonly reference: string
  readonly query: Readonly<Record<string, string>>
  readonly request: FastifyRequest
}

export interface ImageOperation {
  readonly methods: readonly string[]
  /** Of what comes after `/v2/`: repository, then reference. */
  readonly path: RegExp
  readonly scope: (asked: AskedImage) => Scope
  readonly perform: (asked: AskedImage, reply: FastifyReply) => Promise<unknown>
}

/** As the distribution specification has it. */
export const name =
  '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*)*'
export const digest = 'sha256:[0-9a-f]{64}'

export const repositoryScope =
  (...actions: readonly string[]) =>
  ({ repository }: AskedImage): Scope => ({ type: 'repository', name: repository, actions })
