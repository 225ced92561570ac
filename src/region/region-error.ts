/** A region that cannot start or run says so with a stable code and what to do; the CLI prints both. */
export class RegionError extends Error {
  readonly code: string
  /** The next command or change that helps, as an imperative sentence. */
  readonly hint: string
  constructor(code: string, message: string, hint: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'RegionError'
    this.code = code
    this.hint = hint
  }
}
