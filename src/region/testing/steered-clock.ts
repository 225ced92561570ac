/** A clock that a test moves. It starts now, because tokens of the test's own client do as well. */
export function steeredClock(start = new Date()) {
  let now = start.getTime()
  return {
    clock: () => new Date(now),
    advance(milliseconds: number) {
      now += milliseconds
    },
  }
}
export const minutes = 60_000
export const hours = 60 * minutes
export const days = 24 * hours
