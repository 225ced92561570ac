import pc from 'picocolors'
import { isHoldfastError } from '../model/errors.ts'

/**
 * Where a command writes. With `--json` stdout carries JSON and nothing else, so that it can be
 * piped; what people read goes to stderr then.
 */
export interface Output {
  readonly json: boolean
  /** A human looks at it: colours, redrawn lines and questions are welcome. */
  readonly interactive: boolean
  /** The result. `text` makes what people see; it is not called with `--json`. */
  result(value: unknown, text: () => string): void
  /** What happens meanwhile; always stderr. */
  note(line: string): void
}

export function createOutput(options: { readonly json?: boolean }): Output {
  const json = options.json ?? false
  return {
    json,
    interactive: !json && process.stdout.isTTY === true && process.stderr.isTTY === true,
    result: (value, text) => {
      process.stdout.write(json ? `${JSON.stringify(value)}\n` : `${text()}\n`)
    },
    note: (line) => {
      process.stderr.write(`${line}\n`)
    },
  }
}

/** Cause, place, next command; the stack only where `HOLDFAST_DEBUG` asks for it. */
export function describeError(error: unknown): string {
  const lines = [`${pc.red('error')} ${messageOf(error)}`]
  if (isHoldfastError(error)) {
    if (error.place !== undefined) lines.push(`  at    ${error.place}`)
    lines.push(`  code  ${error.code}`)
    if (error.hint !== undefined) lines.push(`  next  ${error.hint}`)
  }
  if (process.env.HOLDFAST_DEBUG) lines.push(stackOf(error))
  else if (!isHoldfastError(error)) lines.push('  next  Set HOLDFAST_DEBUG=1 to see where.')
  return lines.join('\n')
}

/** The error as JSON, for `--json`: the same fields as the API's problem document. */
export function errorDocument(error: unknown): object {
  if (!isHoldfastError(error)) return { error: { code: 'unexpected', message: messageOf(error) } }
  const { code, kind, message, hint, place } = error
  return { error: { code, kind, message, hint, place } }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return ''
  const cause = error.cause === undefined ? '' : `\ncaused by ${stackOf(error.cause)}`
  return `${error.stack ?? error.message}${cause}`
}
