import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

const execute = promisify(execFile)

/** The process and everything below it, itself first. */
export async function processTree(pid: number): Promise<number[]> {
  const below = new Map<number, number[]>()
  // Small Linux images have no `ps`; other systems have no /proc.
  const all = process.platform === 'linux' ? await fromProc() : await fromPs()
  for (const [child, parent] of all) below.set(parent, [...(below.get(parent) ?? []), child])
  const tree = [pid]
  for (const one of tree) tree.push(...(below.get(one) ?? []))
  return tree
}

type ChildAndParent = readonly [number, number]

async function fromProc(): Promise<ChildAndParent[]> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const stats = await Promise.all(
    names.map((name) => readFile(`/proc/${name}/stat`, 'utf8').catch(() => '')),
  )
  return stats.flatMap((stat, i) => {
    // `pid (name) state ppid …`; the name may hold spaces and brackets.
    const [, parent] = / \S ([0-9]+) /.exec(stat.slice(stat.lastIndexOf(')') + 1)) ?? []
    return parent === undefined ? [] : [[Number(names[i]), Number(parent)] as const]
  })
}

async function fromPs(): Promise<ChildAndParent[]> {
  const { stdout } = await execute('ps', ['-A', '-o', 'pid=,ppid='])
  return stdout
    .trim()
    .split('\n')
    .map((line) => {
      const [child = 0, parent = 0] = line.trim().split(/\s+/).map(Number)
      return [child, parent] as const
    })
}
