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
      const { script } = await import('@bomb.sh/tab')
      if (shell === 'bash') process.stdout.write(bashPrelude)
      script(shell, 'holdfast', 'holdfast')
    })
}

/** The script takes a function of the package bash-completion, and cannot be read twice. */
const bashPrelude = `declare -F __holdfast_complete >/dev/null && return 0
declare -F _get_comp_words_by_ref >/dev/null || _get_comp_words_by_ref() {
    cur="\${COMP_WORDS[COMP_CWORD]}"
    prev="\${COMP_WORDS[COMP_CWORD-1]}"
    words=("\${COMP_WORDS[@]}")
    cword=$COMP_CWORD
}
`
