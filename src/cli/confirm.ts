import { HoldfastError } from '../model/errors.ts'
import type { Output } from './output.ts'

/** Whether there is a human to ask. */
export function canAsk(output: Output): boolean {
  return output.interactive && process.stdin.isTTY === true
}

/**
 * Asks a human, or refuses where there is none to ask. With a `word` it has to be typed. Throws
 * `operation.not-confirmed`.
 */
export async function confirmOrRefuse(
  output: Output,
  question: string,
  yes: boolean | undefined,
  word?: string,
): Promise<void> {
  if (yes) return
  if (!canAsk(output)) {
    throw new HoldfastError('operation.not-confirmed', 'Nobody is here to confirm this.', {
      kind: 'operator',
      hint: 'Repeat the command with --yes; with --dry-run it only says what it would do.',
    })
  }
  const { confirm, isCancel, text } = await import('@clack/prompts')
  const answer =
    word === undefined
      ? await confirm({ message: question, initialValue: false })
      : await text({ message: `${question} Type ${word} to confirm.` })
  if (isCancel(answer)) {
    throw new HoldfastError('request.cancelled', 'Interrupted; nothing was started.', {
      kind: 'cancelled',
    })
  }
  if (answer !== true && answer !== word) {
    throw new HoldfastError('operation.declined', 'Nothing was started.', { kind: 'operator' })
  }
}
