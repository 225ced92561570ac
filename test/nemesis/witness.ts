import { setTimeout as delay } from 'node:timers/promises'
import { request } from 'undici'
import { type ControllerName, controllerNames, memberNames, type World } from './world.ts'

const lookEveryMs = 300
const patienceMs = 1000

/**
 * Looks all the time at everybody who says where writes go, and notes each contradiction (I1): two
 * primaries in one epoch, or a way back to an older one.
 */
export class Witness {
  readonly violations: string[] = []
  readonly #world: World
  readonly #stop = new AbortController()
  /** Epoch -> member, and who said so first. */
  readonly #primaries = new Map<number, { readonly member: string; readonly by: string }>()
  /** Highest epoch each has shown. */
  readonly #epochs = new Map<string, number>()
  readonly #running: Promise<void>
  looks = 0

  constructor(world: World) {
    this.#world = world
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await Promise.allSettled([
        ...memberNames.map((member) => this.#marker(member)),
        this.#pointer(),
        ...controllerNames
          .filter((name) => this.#world.stations.has(name))
          .map((name) => this.#status(name)),
      ])
      this.looks += 1
      await delay(lookEveryMs)
    }
  }

  async #marker(member: 'east' | 'west'): Promise<void> {
    const signal = AbortSignal.timeout(patienceMs)
    const marker = await this.#world.workspaces[member].readMarker({ signal })
    if (marker === undefined) return
    this.#notGoingBack(`the marker of ${member}`, marker.epoch)
    if (marker.role === 'primary') this.#onlyOne(marker.epoch, member, `the marker of ${member}`)
  }

  async #pointer(): Promise<void> {
    const answer = await request(`${this.#world.gateway}/_gateway/status`, {
      signal: AbortSignal.timeout(patienceMs),
    })
    const { active, epoch } = (await answer.body.json()) as { active?: string; epoch?: number }
    if (active === undefined || epoch === undefined) return
    this.#notGoingBack('the gateway', epoch)
    this.#onlyOne(epoch, active, 'the gateway')
  }

  async #status(name: ControllerName): Promise<void> {
    const signal = AbortSignal.timeout(patienceMs)
    const { groups } = await this.#world.controller(name).status({ signal })
    const [group] = groups
    if (group === undefined) return
    // Answers of one controller may overtake each other, so its epochs are not compared.
    this.#onlyOne(group.epoch, group.effectivePrimary, name)
  }

  #onlyOne(epoch: number, member: string, by: string): void {
    const known = this.#primaries.get(epoch)
    if (known === undefined) this.#primaries.set(epoch, { member, by })
    else if (known.member !== member) {
      this.#violate(
        `two primaries in epoch ${epoch}: ${known.by} says ${known.member}, ${by} says ${member}`,
      )
    }
  }

  #notGoingBack(who: string, epoch: number): void {
    const seen = this.#epochs.get(who) ?? 0
    if (epoch < seen) this.#violate(`${who} went back from epoch ${seen} to ${epoch}`)
    this.#epochs.set(who, Math.max(seen, epoch))
  }

  #violate(what: string): void {
    if (!this.violations.includes(what)) this.violations.push(what)
  }
}
