/** Wakes whoever waits; a ring while nobody waits is kept for the next one. */
export class Bell {
  #rung = false
  #wake: (() => void) | undefined

  ring(): void {
    this.#rung = true
    this.#wake?.()
  }

  /** Resolves at a ring, or after `mostMs`. */
  async heard(mostMs?: number): Promise<void> {
    if (!this.#rung)
      await new Promise<void>((resolve) => {
        const alarm = mostMs === undefined ? undefined : setTimeout(resolve, mostMs)
        this.#wake = () => {
          clearTimeout(alarm)
          resolve()
        }
      })
    this.#rung = false
    this.#wake = undefined
  }
}
