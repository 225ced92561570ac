import { createHmac, randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { canonicalJson } from '../model/canonical.ts'
import type { Json } from '../model/json.ts'
import type { Secret } from './workspace.ts'

/** Lives for one process, so a fingerprint means nothing elsewhere and cannot be searched for (D10). */
const processKey = randomBytes(32)

/** Holds a value that prints, inspects and serialises as `[secret]` (I9). */
export function secretOf<T extends Json>(value: T): Secret<T> {
  return new HeldSecret(value)
}

class HeldSecret<T extends Json> implements Secret<T> {
  readonly #value: T

  constructor(value: T) {
    this.#value = value
  }

  reveal(): T {
    return this.#value
  }

  fingerprint(): string {
    return createHmac('sha256', processKey).update(canonicalJson(this.#value)).digest('hex')
  }

  toJSON(): '[secret]' {
    return '[secret]'
  }

  toString(): string {
    return '[secret]'
  }

  [inspect.custom](): string {
    return '[secret]'
  }
}
