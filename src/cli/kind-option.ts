import { InvalidArgumentError } from 'commander'
import { type Kind, kinds } from '../model/kinds.ts'
import { closest } from '../plan/closest.ts'

/** A kind of object, as `holdfast status` and `holdfast objects` name them. */
export function kindOption(text: string): Kind {
  const kind = kinds.find((each) => each === text)
  if (kind !== undefined) return kind
  const near = closest(text, kinds)
  throw new InvalidArgumentError(
    `There is no such kind. ${near === undefined ? `Kinds: ${kinds.join(', ')}.` : `Did you mean ${near}?`}`,
  )
}
