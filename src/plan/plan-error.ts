import { HoldfastError } from '../model/errors.ts'

/** One mistake in the plan file. Tests compare `code`; people read the rest. */
export interface PlanMistake {
  /** `unknown-key`, `wrong-type`, `two-primaries`, … */
  readonly code: string
  readonly line: number
  readonly column: number
  /** Path in the document, `members.east.role`; empty for the whole. */
  readonly path: string
  readonly message: string
  readonly remedy: string
}

/** Every mistake at once, each with place and remedy (design, part `plan/`). */
export class PlanError extends HoldfastError {
  readonly file: string
  readonly mistakes: readonly PlanMistake[]

  constructor(file: string, mistakes: readonly PlanMistake[]) {
    const first = mistakes[0]
    super('plan.invalid', describe(file, mistakes), {
      kind: 'operator',
      hint: `Correct ${file}, then run the command again.`,
      ...(first ? { place: `${file}:${first.line}:${first.column}` } : {}),
    })
    this.name = 'PlanError'
    this.file = file
    this.mistakes = mistakes
  }
}

function describe(file: string, mistakes: readonly PlanMistake[]): string {
  const count = mistakes.length === 1 ? 'One mistake' : `${mistakes.length} mistakes`
  return [
    `${count} in the plan file.`,
    ...mistakes.map((m) => `${file}:${m.line}:${m.column} ${m.message} ${m.remedy}`),
  ].join('\n')
}
