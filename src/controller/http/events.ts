import type { FastifyReply, FastifyRequest } from 'fastify'
import { frameOf, type PublishedEvent } from '../event-bus.ts'
import type { ControllerService } from '../service.ts'
import { callStillHolds } from './caller.ts'

const keepAliveMs = 15_000
/** A reader that slow is cut off; it resumes with Last-Event-ID, and we keep no more for it. */
const mostBufferedBytes = 1024 * 1024

/** Streams events until either side ends; a resumed stream first gets what it missed. */
export async function streamEvents(
  service: ControllerService,
  request: FastifyRequest,
  reply: FastifyReply,
  shutdown: AbortSignal,
): Promise<void> {
  // Read before the headers go out, so that a failure is still an ordinary answer.
  const frames = resumed(service, request) ?? (await fromTheStatus(service))
  reply.hijack()
  const { raw } = reply
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  })
  // A reader that missed nothing would not hear that it is connected until something happens.
  raw.flushHeaders()
  for (const frame of frames) raw.write(frame)
  const unsubscribe = service.events.subscribe(({ frame }) => {
    if (raw.writableLength > mostBufferedBytes) raw.destroy()
    else raw.write(frame)
  })
  const end = () => raw.end()
  const keepAlive = setInterval(async () => {
    raw.write(': still here\n\n')
    // A stream must not outlive the session or token that opened it.
    if (!(await callStillHolds(request))) end()
  }, keepAliveMs)
  shutdown.addEventListener('abort', end, { once: true })
  raw.on('close', () => {
    clearInterval(keepAlive)
    unsubscribe()
    shutdown.removeEventListener('abort', end)
  })
  if (shutdown.aborted) end()
}

/** Undefined: nothing was read before, or so long ago that only the status tells where things stand. */
function resumed(
  { events }: ControllerService,
  { headers }: FastifyRequest,
): readonly Buffer[] | undefined {
  const lastId = headers['last-event-id']
  return typeof lastId === 'string' ? events.after(lastId)?.map(frameIn) : undefined
}

/** The status, and what was published while it was read. */
async function fromTheStatus(service: ControllerService): Promise<readonly Buffer[]> {
  const id = service.events.newestId()
  const data = await service.status()
  const first = frameOf(id, { type: 'status', at: data.now, data })
  return [first, ...(service.events.after(id) ?? []).map(frameIn)]
}

const frameIn = ({ frame }: PublishedEvent) => frame
