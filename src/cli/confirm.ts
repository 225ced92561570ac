import { HoldfastError } from '../model/errors.ts'
import type { Output } from './output.ts'

/** Whether there is a human to ask. */
export function canAsk(output: Output): boolean {
  return output.interactive && process.stdin.isTTY === true
}

export interface Asking {
  readonly output: Output
  /** Takes the question back. */
  readonly interrupted: AbortSignal
  /** Answered before it was asked. */
  readonly yes: boolean | undefined
  /** Has to be typed. */
  readonly word?: string
}

/** Asks a human, or refuses where there is none to ask. Throws `operation.not-confirmed`. */
export async function confirmOrRefuse(
  question: string,
  { output, interrupted, yes, word }: Asking,
): Promise<void> {
  if (yes) return
  if (!canAsk(output)) {
    throw new HoldfastError('operation.not-confirmed', 'Nobody is here to confirm this.', {
      kind: 'operator',
      hint: 'Repeat the command with --yes; with --dry-run it only says what it would do.',
    })
  }
  const { confirm, isCancel, text } = await import('@clack/prompts')
  // A terminal that closes may be gone before the signal says so.
  const gone = new AbortController()
  const onGone = () => gone.abort()
  process.stdin.once('end', onGone)
  const signal = AbortSignal.any([interrupted, gone.signal])
  const answer =
    word === undefined
      ? await confirm({ message: `${question} (y/n)`, initialValue: false, signal })
      : await text({ message: `${question} Type ${word} to confirm.`, signal })
  process.stdin.off('end', onGone)
  if (isCancel(answer)) {
    throw new HoldfastError('request.cancelled', 'Interrupted; nothing was started.', {
      kind: 'cancelled',
    })
  }
  if (answer !== true && answer !== word) {
    throw new HoldfastError('operation.declined', 'Nothing was started.', { kind: 'operator' })
  }
}
