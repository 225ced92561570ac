import type { StablePointer } from './stable-endpoint.ts'

/** Member and epoch as one short word, for services that keep a word beside what they do: `west@6`. */
export const markOf = ({ member, epoch }: StablePointer): string => `${member}@${epoch}`

/** Undefined for anything that is no mark: somebody else's text is nobody's pointer. */
export function pointerOfMark(text: string | undefined): StablePointer | undefined {
  const [, member, epoch] = /^([a-z0-9-]+)@(\d+)$/.exec(text?.trim() ?? '') ?? []
  return member === undefined ? undefined : { member, epoch: Number(epoch) }
}
