import { once } from 'node:events'
import { createServer } from 'node:net'
import { HoldfastError } from '../../model/errors.ts'

/**
 * The first of `count` neighbouring free ports. Below the range that systems give to outgoing
 * connections: a region that is down for a minute must find its port free when it comes back.
 */
export async function freePorts(count: number, random = Math.random): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt += 1) {
    const first = 20_000 + Math.floor(random() * 10_000)
    const ports = Array.from({ length: count }, (_, offset) => first + offset)
    const free = await Promise.all(ports.map(isFree))
    if (free.every(Boolean)) return first
  }
  throw new HoldfastError('demo.no-ports', 'No free ports were found between 20000 and 30000.', {
    kind: 'operator',
    hint: 'Look at what listens there: ss -ltn',
  })
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
    return true
  } catch {
    return false
  } finally {
    server.close()
  }
}
