import { parseArgs } from 'node:util'
import { outages, timeOutage } from './outages.ts'
import { watchYears } from './quiet-years.ts'
import { noiseTable, outageTable } from './tables.ts'
import { longNoise, noise } from './troubles.ts'

/** `npm run test:detection`: what the detector makes of years of noise and of true outages. */
const { values } = parseArgs({
  options: {
    years: { type: 'string', default: '20' },
    trials: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
  },
})
const common = { seed: Number(values.seed), graceMs: 600_000, everyMs: 5000 }
const years = { ...common, years: Number(values.years) }
const startedMs = performance.now()

const apart = noise.map((kind) => watchYears(kind.name, [kind], years))
const together = watchYears('all of these at once', noise, years)
const long = longNoise.map((kind) => watchYears(kind.name, [kind], years))
console.log(noiseTable([...apart, together, ...long], years.years))
const timed = outages.map((kind) => timeOutage(kind, { ...common, trials: Number(values.trials) }))
console.log(outageTable(timed))
console.log(`seed ${common.seed}, ${((performance.now() - startedMs) / 1000).toFixed(0)} s`)

const falseOnes = [...apart, together].filter(({ automatic }) => automatic > 0)
const missed = timed.filter(({ verdict, trials }) => verdict.length < trials)
const wrong = timed.filter(
  ({ kind, automatic, trials }) => automatic.length !== (kind.automatic ? trials : 0),
)
for (const { name, automatic } of falseOnes) console.log(`FALSE FAILOVERS: ${automatic}, ${name}`)
for (const { kind, verdict, trials } of missed)
  console.log(`MISSED: ${trials - verdict.length} of ${trials}, ${kind.name}`)
for (const { kind, automatic } of wrong)
  console.log(`WRONG: ${automatic.length} automatic failovers, ${kind.name}`)
process.exitCode = falseOnes.length + missed.length + wrong.length === 0 ? 0 : 1
