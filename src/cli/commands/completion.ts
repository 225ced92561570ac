import { Argument, Command } from 'commander'
import { withExamples } from '../manual.ts'

export function completionCommand(): Command {
  return withExamples(new Command('completion'), [
    'source <(holdfast completion bash)      # in ~/.bashrc',
    'source <(holdfast completion zsh)       # in ~/.zshrc, after compinit',
    'holdfast completion fish > ~/.config/fish/completions/holdfast.fish',
  ])
    .description('print a script that completes command lines in your shell')
    .addArgument(new Argument('<shell>', 'which shell').choices(['bash', 'zsh', 'fish']))
    .action(async (shell: string) => {
      if (shell === 'bash') {
        const { bashScript } = await import('../completion/bash-script.ts')
        process.stdout.write(bashScript)
        return
      }
      const { script } = await import('@bomb.sh/tab')
      script(shell, 'holdfast', 'holdfast')
    })
}
