import { spawn, spawnSync } from 'node:child_process'

const unshare = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc']

/** Why no namespaces can be made here; undefined: they can. */
export function whyNoNamespaces(): string | undefined {
  if (process.platform !== 'linux')
    return `network namespaces exist on Linux only, this is ${process.platform}`
  if (process.getuid?.() !== 0) return 'making network namespaces needs root'
  const script =
    'mkdir -p /run/netns && mount -t tmpfs none /run/netns && ip netns add probe && ip link add br0 type bridge && ip link add v0 type veth peer name eth0 netns probe'
  const tried = spawnSync('unshare', [...unshare, 'sh', '-c', script], { encoding: 'utf8' })
  if (tried.status === 0) return undefined
  return `this machine makes no network namespaces (${(tried.stderr ?? String(tried.error)).trim()})`
}

/**
 * Runs a program in network, mount and process namespaces of its own: nothing of it is seen outside,
 * and all that it started ends with it, whatever becomes of it.
 */
export function runInside(words: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const child = spawn('unshare', [...unshare, ...words], { env, stdio: 'inherit' })
  const pass = (signal: NodeJS.Signals) => void child.kill(signal === 'SIGINT' ? 'SIGTERM' : signal)
  process.on('SIGINT', pass)
  process.on('SIGTERM', pass)
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('exit', (code) => resolve(code ?? 1))
  })
}
