import type { ApiClient } from '../../api/client.ts'
import type { Status } from '../../api/contract.ts'
import { readerGone } from '../closed-reader.ts'
import { onlyGroup } from '../connect.ts'
import { exitCodes } from '../exit-codes.ts'
import { describeError } from '../output.ts'
import { isHungUp } from '../stop-signals.ts'
import { followStatus } from './follow-status.ts'
import { type FullScreen, openFullScreen } from './full-screen.ts'
import { type Overlay, type WatchState, watchLines } from './watch-view.ts'

/** The status on the whole terminal, until `q` or Ctrl-C. */
export async function watchScreen(
  find: () => Promise<ApiClient | undefined>,
  interrupted: AbortSignal,
): Promise<void> {
  const left = new AbortController()
  const gone = new AbortController()
  const signal = AbortSignal.any([interrupted, left.signal, gone.signal])
  let state: Omit<WatchState, 'now'> = {
    ...{
      status: undefined,
      lostSince: undefined,
      heardAt: undefined,
      overlay: undefined,
      scroll: 0,
    },
  }
  let screen: FullScreen | undefined
  const draw = () => screen?.draw(watchLines({ ...state, now: new Date() }, screen))
  const change = (next: Partial<Omit<WatchState, 'now'>>) => {
    state = { ...state, ...next }
    draw()
  }
  const show = (overlay: Overlay | undefined) => change({ overlay, scroll: 0 })
  const keys: Readonly<Record<string, () => void>> = {
    q: () => left.abort(),
    f: () => void preview(find, state.status, signal, show),
    '?': () => show({ shows: 'help' }),
    escape: () => show(undefined),
    up: () => change({ scroll: Math.max(0, state.scroll - 1) }),
    down: () => change({ scroll: state.scroll + 1 }),
  }
  const alias: Readonly<Record<string, string>> = { k: 'up', j: 'down' }
  screen = openFullScreen({
    onKey: (name) => keys[alias[name] ?? name]?.(),
    onResize: draw,
    onGone: () => gone.abort(),
  })
  // How long ago things were grows although nothing happens.
  const clock = setInterval(draw, 1000)
  try {
    draw()
    await followStatus(
      find,
      {
        onStatus: (status) => change({ status, heardAt: new Date(), lostSince: undefined }),
        onLost: () => change({ lostSince: state.lostSince ?? new Date() }),
      },
      signal,
    )
  } finally {
    clearInterval(clock)
    screen.close()
    // Keys, picture and signal end in any order.
    const isClosed = gone.signal.aborted || readerGone.aborted || isHungUp()
    if (isClosed) process.exitCode = exitCodes.hungUp
  }
}

/** A dry run changes nothing, and whether it would be refused is what one wants to know. */
async function preview(
  find: () => Promise<ApiClient | undefined>,
  status: Status | undefined,
  signal: AbortSignal,
  show: (overlay: Overlay) => void,
): Promise<void> {
  if (status === undefined) return
  show({ shows: 'preview', operation: undefined })
  try {
    const client = await find()
    const operation = await client?.start(
      onlyGroup(status).group,
      'failover',
      { dryRun: true },
      { signal },
    )
    if (operation === undefined) show({ shows: 'refusal', text: 'The controller does not answer.' })
    else show({ shows: 'preview', operation })
  } catch (error) {
    show({ shows: 'refusal', text: describeError(error) })
  }
}
