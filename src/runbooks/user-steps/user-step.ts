import type { Json } from '../../model/json.ts'
import type { PeopleAction, UserEffect, UserStep } from '../../plan/user-step-schema.ts'
import { type Look, type Step, type StepTools, step } from '../../runbook/runbook.ts'
import type { ProcedureWorld } from '../ports.ts'
import { runCommand } from './command-effect.ts'
import { type EffectTools, sendRequest } from './http-effect.ts'
import { filled, type StepContext } from './step-context.ts'

export interface UserStepTools<World> extends Pick<EffectTools, 'env' | 'folder'> {
  readonly about: (world: World) => Pick<StepContext, 'epoch' | 'from' | 'to'>
  /** I1: throws when the run was overtaken. */
  readonly refuseOvertaken: (world: World) => Promise<unknown>
}

/**
 * A step of the plan's own. The world cannot be asked whether it is done, so its record is looked at
 * (`blind`): a crash between the effect and the record leads to one repetition with the same key.
 */
export function userStep<World extends ProcedureWorld>(
  own: UserStep,
  runbook: string,
  tools: UserStepTools<World>,
): Step<World> {
  const { action, undo } = own
  if (action.type === 'people') return peopleStep(own, action)
  const contextOf = (world: World, id = own.id): StepContext => ({
    ...{ group: world.group, runbook, run: world.run, step: id },
    ...tools.about(world),
  })
  const write = (world: World, value: Json) =>
    world.journal.writeFact(world.run, `user-step ${own.id}`, value)
  const take = (effect: UserEffect, context: StepContext, { signal }: StepTools) => {
    const { env, folder } = tools
    return effect.type === 'http'
      ? sendRequest(effect, context, { signal, env, folder })
      : runCommand(effect, context, { signal, env, folder })
  }
  return step<World>(own.id, {
    title: titleOf(action),
    needs: [],
    skippable: own.skippable,
    timeoutMs: own.timeoutMs,
    retries: own.retries,
    isDone: async (world) => {
      const found = await world.journal.readFact(world.run, `user-step ${own.id}`)
      return typeof found === 'string'
        ? { done: true, detail: found }
        : { done: false, blind: true, detail: willDo(action, contextOf(world)) }
    },
    act: async (world, stepTools) => {
      await tools.refuseOvertaken(world)
      await write(world, await take(action, contextOf(world), stepTools))
      return undefined
    },
    ...(undo !== null && {
      undo: async (world: World, stepTools: StepTools) => {
        const detail = await take(undo, contextOf(world, `${own.id}/undo`), stepTools)
        await write(world, null)
        return `Undone: ${detail}`
      },
    }),
  })
}

function peopleStep<World>(own: UserStep, action: PeopleAction): Step<World> {
  const { reason, people, role, expiresMs, askerCounts } = action
  const whom = people === 1 ? `one ${role}` : `${people} ${role}s`
  return step<World>(own.id, {
    title: `Wait for ${whom}: ${reason}`,
    needs: [],
    skippable: own.skippable,
    wait: { for: role, people, reason, expiresMs, askerCounts },
    isDone: async (): Promise<Look> => ({ done: false, detail: `Waits for ${whom}.` }),
    act: () => Promise.reject(new Error(`${own.id} is waited for, not acted`)),
  })
}

function titleOf(effect: UserEffect): string {
  return effect.type === 'http'
    ? `Send ${effect.method} ${new URL(effect.url).host}`
    : `Run ${effect.argv[0]}`
}

function willDo(effect: UserEffect, context: StepContext): string {
  return effect.type === 'http'
    ? `${effect.method} ${filled(effect.url, context, encodeURIComponent)} is sent.`
    : `${effect.argv.map((each) => filled(each, context)).join(' ')} is run.`
}
