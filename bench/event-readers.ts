import { type ClientRequest, get, type IncomingMessage } from 'node:http'

/** One stream of events over a connection of its own, read as a browser does and resumed as one. */
export interface EventReader {
  /** Numbers of the events, in the order in which they came. */
  readonly numbers: readonly number[]
  /** From the moment that an event tells to its receipt. */
  readonly delaysMs: readonly number[]
  /** The connection breaks; it is opened anew after the last event. */
  cut(): Promise<void>
  close(): void
}

export interface Served {
  readonly url: string
  readonly token: string
}

export async function readEvents(server: Served): Promise<EventReader> {
  const numbers: number[] = []
  const delaysMs: number[] = []
  let lastId: string | undefined
  let open: Opened | undefined
  const take = (frame: string) => {
    // All that is needed of a frame stands in its first words: two hundred readers share a processor.
    const [, id, number, at] = /^id: (.*-(\d+))\n[\s\S]*?"at":"([^"]+)"/.exec(frame) ?? []
    if (id === undefined) return
    // The status that a stream begins with carries the number of the event before it.
    const isFirst = lastId === undefined
    lastId = id
    if (isFirst) return
    numbers.push(Number(number))
    delaysMs.push(Date.now() - Date.parse(at ?? ''))
  }
  const connect = async () => {
    open = await openStream(server, lastId)
    let rest = ''
    open.response.setEncoding('utf8').on('data', (text: string) => {
      const frames = (rest + text).split('\n\n')
      rest = frames.pop() ?? ''
      for (const frame of frames) take(frame)
    })
  }
  await connect()
  return {
    ...{ numbers, delaysMs },
    cut: async () => {
      open?.request.destroy()
      await connect()
    },
    close: () => open?.request.destroy(),
  }
}

/** Opened and never read: what a tab is whose machine sleeps. */
export async function stall(server: Served): Promise<() => void> {
  const { request, response } = await openStream(server, undefined)
  response.pause()
  return () => request.destroy()
}

interface Opened {
  readonly request: ClientRequest
  readonly response: IncomingMessage
}

function openStream({ url, token }: Served, lastId: string | undefined): Promise<Opened> {
  const headers = {
    authorization: `Bearer ${token}`,
    ...(lastId === undefined ? {} : { 'last-event-id': lastId }),
  }
  return new Promise((resolve, reject) => {
    const request = get(`${url}/api/v1/events`, { headers, agent: false }, (response) => {
      response.on('error', () => undefined)
      if (response.statusCode === 200) resolve({ request, response })
      else reject(new Error(`the stream answered ${response.statusCode}`))
    })
    // After the answer a broken connection is what is measured.
    request.on('error', reject)
  })
}

/** Numbers that a reader ought to have between its first and `newest`, and has not. */
export function missed({ numbers }: Pick<EventReader, 'numbers'>, newest: number): number {
  const first = numbers[0] ?? newest + 1
  const had = new Set(numbers)
  return newest - first + 1 - [...had].filter((number) => number <= newest).length
}
