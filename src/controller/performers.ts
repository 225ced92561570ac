import { createHash, randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { resolve } from 'node:path'
import type { ControllerLife } from '../api/contract.ts'
import { ownersOf } from '../runbook/dbos-runs.ts'
import type { ExecutorLeases } from '../runbook/executor-leases.ts'
import type { Run } from '../runbook/journal.ts'
import { tryOf } from '../runbook/perform.ts'
import { isEnded } from '../runbook/run-state.ts'
import type { Database } from '../store/database.ts'

/** The same over restarts of one controller, another one for each controller of the group. */
export function executorOf(group: string, stateDir: string): string {
  return `${controllersOf(group)}${placeOf(stateDir)}`
}

/** One for each command that opens a controller of its own: others tell its work from theirs. */
export function executorOfCommand(group: string, stateDir: string): string {
  return `${commandsOf(group)}${placeOf(stateDir)}/${randomUUID()}`
}

const controllersOf = (group: string) => `controller/${group}/`
const commandsOf = (group: string) => `command/${group}/`

function placeOf(stateDir: string): string {
  const place = createHash('sha256')
    .update(`${hostname()}\n${resolve(stateDir)}`)
    .digest('hex')
  return place.slice(0, 16)
}

/** Who works for a group now, by the leases of controllers and commands. */
export interface Performers {
  /** Of the group, and of its newest operation. */
  life(newest: Run | undefined): Promise<ControllerLife>
  /** Ids of those that are not over and that nobody who lives performs. */
  leftOf(runs: readonly Run[]): Promise<ReadonlySet<string>>
}

export function performers(options: {
  readonly group: string
  readonly database: Pick<Database, 'pool'>
  readonly leases: ExecutorLeases
}): Performers {
  const { group, database, leases } = options
  const performing = async (run: Run, controllerLives: boolean) => {
    const aTry = tryOf(run.header.id, run.state)
    const owner = (await ownersOf(database.pool, [aTry])).get(aTry)
    const lives = owner !== undefined && (await leases.signsOf(owner)).alive
    if (lives && owner.startsWith(commandsOf(group))) return 'command'
    // What its executor left, a controller takes over.
    return lives || controllerLives ? 'controller' : 'nobody'
  }
  const controllers = () => leases.signsOf(controllersOf(group))
  return {
    life: async (newest) => {
      const { alive, lastAt } = await controllers()
      const isOpen = newest !== undefined && !isEnded(newest.state)
      return {
        running: alive,
        lastSeenAt: lastAt,
        performing: isOpen ? await performing(newest, alive) : null,
      }
    },
    leftOf: async (runs) => {
      const left = new Set<string>()
      const open = runs.filter(({ state }) => !isEnded(state))
      if (open.length === 0) return left
      const { alive } = await controllers()
      for (const run of open)
        if ((await performing(run, alive)) === 'nobody') left.add(run.header.id)
      return left
    },
  }
}
