import { appendFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { dbosEngine } from '../dbos-engine.ts'

/** A process to kill: `engine-child.ts <database url> <log file> <step to die in, or none>`. */
const [, , url = '', log = '', dieIn = ''] = process.argv
const note = (line: string): void => appendFileSync(log, `${line}\n`)

const engine = dbosEngine({
  url,
  executorId: 'child',
  procedures: [
    {
      name: 'three-steps',
      body: async (context, input) => {
        const seen: string[] = []
        for (const name of ['one', 'two', 'three']) {
          seen.push(
            await context.step(name, async () => {
              note(name)
              if (name === dieIn) process.kill(process.pid, 'SIGKILL')
              if (`slow-${name}` === dieIn)
                await delay(60_000, undefined, { signal: context.signal })
              return `${name} of ${String(input)}`
            }),
          )
        }
        return seen
      },
    },
  ],
})
process.once('SIGTERM', () => {
  note('stopping')
  void engine.stop().then(() => process.exit(0))
})
await engine.start()
await engine.run('three-steps', 'run', 'it')
console.log(JSON.stringify(await engine.result('run')))
await engine.stop()
