/** An error that no further work can survive: what was not begun is not begun any more. */
export class PassEnd {
  readonly #outer: PassEnd | undefined
  #by: { readonly error: unknown } | undefined

  /** A part of a pass ends with the whole, not the whole with a part. */
  constructor(outer?: PassEnd) {
    this.#outer = outer
  }

  get by(): { readonly error: unknown } | undefined {
    return this.#by ?? this.#outer?.by
  }

  /** The first one stands. */
  set(error: unknown): void {
    this.#by ??= { error }
  }
}
