import { isHoldfastError } from '../model/errors.ts'
import { colours as pc } from './colours.ts'
import { csvText, type OutputFormat, type OutputOptions, yamlText } from './output-format.ts'

/**
 * Where a command writes. For programs stdout carries one document and nothing else, so that it can
 * be piped; what people read goes to stderr then.
 */
export interface Output {
  /** A program reads stdout. */
  readonly forPrograms: boolean
  /** A human looks at it: colours, redrawn lines and questions are welcome. */
  readonly interactive: boolean
  /** The result. `text` makes what people see, `rows` what CSV holds; neither is called otherwise. */
  result(value: unknown, text: () => string, rows?: () => readonly object[]): void
  /** What happens meanwhile; always stderr. */
  note(line: string): void
}

export function createOutput(options: OutputOptions): Output {
  const format = options.json ? 'json' : (options.output ?? 'table')
  const forPrograms = format !== 'table'
  return {
    forPrograms,
    interactive: !forPrograms && process.stdout.isTTY === true && process.stderr.isTTY === true,
    result: (value, text, rows) => {
      process.stdout.write(documentOf[format](value, text, rows))
    },
    note: (line) => {
      process.stderr.write(`${line}
`)
    },
  }
}

type Write = (value: unknown, text: () => string, rows?: () => readonly object[]) => string

const documentOf: Readonly<Record<OutputFormat, Write>> = {
  table: (_value, text) => `${text()}
`,
  json: (value) => `${JSON.stringify(value)}
`,
  yaml: (value) => yamlText(value),
  csv: (_value, _text, rows) => csvText(rows?.() ?? []),
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

/** The error as a document for programs: the same fields as the API's problem document. */
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
