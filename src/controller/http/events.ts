import type { FastifyReply, FastifyRequest } from 'fastify'
import type { PublishedEvent } from '../event-bus.ts'
import type { ControllerService } from '../service.ts'
import { callStillHolds } from './caller.ts'

const keepAliveMs = 15_000
/** A reader that slow is cut off; it resumes with Last-Event-ID, and we keep no more for it. */
const mostBufferedBytes = 4 * 1024 * 1024

/** Streams events until either side ends; a resumed stream first gets what it missed. */
export async function streamEvents(
  service: ControllerService,
  request: FastifyRequest,
  reply: FastifyReply,
  shutdown: AbortSignal,
): Promise<void> {
  const lastId = request.headers['last-event-id']
  const missed = typeof lastId === 'string' ? service.events.after(lastId) : undefined
  // Read before the headers go out, so that a failure is still an ordinary answer.
  const first = missed ? undefined : await service.status()
  reply.hijack()
  const { raw } = reply
  raw.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  })
  const send = ({ id, event }: PublishedEvent) => {
    if (raw.writableLength > mostBufferedBytes) raw.destroy()
    else raw.write(`id: ${id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`)
  }
  if (first) {
    const event = { type: 'status', at: first.now, data: first }
    raw.write(`event: status\ndata: ${JSON.stringify(event)}\n\n`)
  }
  for (const published of missed ?? []) send(published)
  const unsubscribe = service.events.subscribe(send)
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
