import { Command } from 'commander'
import { runDemo } from '../demo/run-demo.ts'
import { withExamples } from '../manual.ts'

export function demoCommand(): Command {
  return withExamples(new Command('demo'), ['holdfast demo', 'holdfast demo --stay --dir ./demo'])
    .description('an outage and a failover, start to end, on two local regions')
    .option('--dir <folder>', 'where everything of it lives; default: a fresh temporary folder')
    .option('--stay', 'leave everything running at the end, until Ctrl-C')
    .option('--json', 'print one summary as JSON on stdout; the story goes to stderr')
    .action(runDemo)
}
