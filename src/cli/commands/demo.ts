import { Command } from 'commander'
import { runDemo } from '../demo/run-demo.ts'

export function demoCommand(): Command {
  return new Command('demo')
    .description('an outage and a failover, start to end, on two local regions')
    .option('--dir <folder>', 'where everything of it lives; default: a fresh temporary folder')
    .option('--stay', 'leave everything running at the end, until Ctrl-C')
    .option('--json', 'print one summary as JSON on stdout; the story goes to stderr')
    .addHelpText('after', '\nExamples:\n  holdfast demo\n  holdfast demo --stay --dir ./demo')
    .action(runDemo)
}
