import { type ChildProcess, spawn } from 'node:child_process'
import { createServer } from 'node:net'
import { until } from './gateway-bench.ts'

/** A port that was free a moment ago, for programs that cannot take port 0. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0))
    })
  })
}

/** Starts a program in the foreground and waits until `isUp`; throws with what it printed if it ends. */
export async function startProgram(
  command: readonly string[],
  isUp: () => Promise<boolean>,
): Promise<{ readonly pid: number; stop(): Promise<void> }> {
  const [program = '', ...args] = command
  const child: ChildProcess = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stderr?.on('data', (chunk) => {
    said += String(chunk)
  })
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  let isOver = false
  void ended.then(() => {
    isOver = true
  })
  for (let up = false; !up; up = await isUp()) {
    if (isOver) throw new Error(`${program} ended: ${said}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return {
    pid: child.pid ?? 0,
    async stop() {
      child.kill('SIGTERM')
      const kill = setTimeout(() => child.kill('SIGKILL'), 3000)
      await ended
      clearTimeout(kill)
      await until(() => isOver)
    },
  }
}
