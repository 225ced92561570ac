import type { Json, JsonObject } from '../../model/json.ts'
import type { UserStep } from '../../plan/user-step-schema.ts'
import { type Runbook, runbook, type Step } from '../../runbook/runbook.ts'
import type { FailoverWorld, ProcedureWorld, ReprotectWorld } from '../ports.ts'
import { refuseOvertaken, refuseOvertakenReprotection } from '../steps/own-epoch.ts'
import { type UserStepTools, userStep } from './user-step.ts'

type Where = Pick<UserStepTools<never>, 'env' | 'folder'>

/** Of runbooks that move the group into a new epoch. */
export function moveExtension<World extends FailoverWorld>(where: Where) {
  return extendWith<World>({
    ...where,
    about: ({ expectedEpoch, source, target }) => {
      return { epoch: expectedEpoch + 1, from: source.name, to: target.name }
    },
    refuseOvertaken,
  })
}

export function reprotectExtension(where: Where) {
  return extendWith<ReprotectWorld>({
    ...where,
    about: ({ epoch, primary, returning }) => ({ epoch, from: primary.name, to: returning.name }),
    refuseOvertaken: refuseOvertakenReprotection,
  })
}

/**
 * Puts the plan's own steps where they belong. They come out of the input of the run, so that a plan
 * that changes meanwhile changes no run that has begun.
 */
function extendWith<World extends ProcedureWorld>(
  tools: UserStepTools<World>,
): (book: Runbook<World>, input: Json) => Runbook<World> {
  return (book, input) => {
    const own = userStepsOf(input)
    if (own.length === 0) return book
    const at = (anchor: string, place: UserStep['place']): Step<World>[] =>
      own
        .filter((each) => each.anchor === anchor && each.place === place)
        .map((each) => userStep(each, book.name, tools))
    const steps = book.steps.flatMap((each) => [
      ...at(each.id, 'before'),
      each,
      ...at(each.id, 'after'),
    ])
    return runbook(book.name, steps)
  }
}

function userStepsOf(input: Json): readonly UserStep[] {
  return ((input as JsonObject).userSteps ?? []) as unknown as readonly UserStep[]
}
