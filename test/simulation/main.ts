import { parseArgs } from 'node:util'
import { type Bug, bugNames } from './bugs.ts'
import { campaign, explain } from './campaign.ts'
import { scenarioOf } from './scenario.ts'
import { simulate } from './simulate.ts'

const usage = `npm run test:simulation -- [--runs 1000] [--seed 1]
  --only SEED   one run, everything that happens in it
  --bug NAME    with a deliberate bug: ${bugNames.join(', ')}
  --bugs        runs until each of them is found`

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string' },
    bug: { type: 'string' },
    bugs: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})
const say = (line: string) => process.stdout.write(`${line}\n`)
const bug = bugNames.find((name) => name === values.bug)
const seed = Number(values.seed)
const runs = Number(values.runs)
const isMistaken = (values.bug !== undefined && bug === undefined) || !(runs > 0) || !(seed >= 0)

if (values.help || isMistaken) {
  say(usage)
  process.exitCode = isMistaken ? 2 : 0
} else if (values.only !== undefined) process.exitCode = await one(Number(values.only), bug)
else if (values.bugs) process.exitCode = await findBugs()
else process.exitCode = await many()

async function one(only: number, withBug: Bug | undefined): Promise<number> {
  const outcome = await simulate(scenarioOf(only), { bug: withBug, trace: true })
  for (const line of outcome.lines) say(line)
  say(`${outcome.events} events, digest ${outcome.digest}`)
  for (const violation of outcome.violations) say(violation)
  return outcome.violations.length > 0 ? 1 : 0
}

async function many(): Promise<number> {
  const startedMs = performance.now()
  const result = await campaign({
    ...{ seed, runs, ...(bug === undefined ? {} : { bug }) },
    // At once: a campaign that is broken off must not take what it found with it.
    onRun: (done, { violations }) => {
      if (violations.length > 0) say(`seed ${seed + done - 1}: ${violations.join('; ')}`)
      if (done % 1000 === 0) say(`${done} runs, ${seconds(startedMs)} s`)
    },
  })
  for (const failure of result.failures.slice(0, 3)) say(await explain(failure, bug))
  const rest = result.failures.slice(3).map((failure) => failure.seed)
  if (rest.length > 0) say(`and seeds ${rest.slice(0, 50).join(', ')}`)
  say(
    `${result.runs} runs, ${result.events} events, ${result.moves} procedures done, ` +
      `${result.failures.length} runs with violations, ${seconds(startedMs)} s`,
  )
  return result.failures.length > 0 ? 1 : 0
}

async function findBugs(): Promise<number> {
  let missed = 0
  for (const name of bugNames) {
    const result = await campaign({ seed, runs, bug: name, most: 1 })
    const [found] = result.failures
    if (found === undefined) missed += 1
    say(
      found === undefined
        ? `${name}: not found in ${result.runs} runs`
        : `${name}: found after ${result.runs} runs: ${found.violations[0]}`,
    )
  }
  return missed > 0 ? 1 : 0
}

function seconds(sinceMs: number): string {
  return ((performance.now() - sinceMs) / 1000).toFixed(1)
}
