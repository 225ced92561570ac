import { type ChildProcess, spawn } from 'node:child_process'

/**
 * A process group that cannot outlive the region. The little supervisor in front of the command reads
 * a pipe whose other end only the region holds: when the region dies, by whatever means, the read
 * ends and the supervisor kills its whole group. A power cut takes everything with it.
 */
const supervisor = `
exec 3<&0
( read -r _ <&3; kill -KILL 0 ) &
watcher=$!
/bin/sh -c "$1" </dev/null 3<&- &
wait $!
code=$?
kill -KILL $watcher 2>/dev/null
exit $code
`

export interface GuardedProcess {
  readonly pid: number
  readonly child: ChildProcess
  /** Exit code; a process that was killed has 128 + signal, as a shell counts. */
  readonly exited: Promise<number>
  /** SIGTERM to the group, SIGKILL when it is still there after the grace. */
  end(graceMs: number): Promise<number>
}

export function startGuarded(
  command: string,
  options: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): GuardedProcess {
  const child = spawn('/bin/sh', ['-c', supervisor, 'supervisor', command], {
    cwd: options.cwd,
    env: options.env,
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  })
  // A command that ends while we hold its pipe open is no error of ours.
  child.stdin?.on('error', () => undefined)
  const exited = new Promise<number>((resolve) => {
    child.on('error', () => resolve(127))
    child.on('close', (code, signal) => resolve(code ?? (signal === 'SIGTERM' ? 143 : 137)))
  })
  const pid = child.pid ?? 0
  let isGone = false
  void exited.then(() => {
    isGone = true
  })
  return {
    pid,
    child,
    exited,
    async end(graceMs) {
      // Its number may be another's by now.
      if (isGone) return exited
      signalGroup(pid, 'SIGTERM')
      const timer = setTimeout(() => signalGroup(pid, 'SIGKILL'), graceMs)
      const code = await exited
      clearTimeout(timer)
      return code
    },
  }
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  if (pid === 0) return
  try {
    process.kill(-pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
