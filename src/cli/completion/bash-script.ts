/**
 * Neither the typed words nor the candidates are evaluated: a line that is not yet sent must not run
 * anything, and names of objects were written by others. The line is cut at spaces and not at the `=`
 * and `:` of COMP_WORDBREAKS; what Readline keeps of the word is taken off the candidates again.
 */
export const bashScript = `# bash completion for holdfast
__holdfast_complete() {
    local line="\${COMP_LINE:0:COMP_POINT}" last="\${COMP_WORDS[COMP_CWORD]}"
    local -a words
    local word kept out directive candidate
    IFS=$' \\t\\n' read -r -d '' -a words <<< "$line"
    [[ "$line" == *[[:space:]] ]] && words+=('')
    word="\${words[\${#words[@]}-1]}"
    [[ "$last" == [:=] ]] && last=''
    [[ "$word" == *[:=]* ]] && kept="\${word%"$last"}"

    COMPREPLY=()
    out="$(holdfast complete -- "\${words[@]:1}" 2>/dev/null)" || return 0
    directive="\${out##*:}"
    # 4: file names are of no use here.
    [[ "$directive" == 4 ]] && type compopt >/dev/null 2>&1 && compopt +o default
    while IFS=$'\\t' read -r candidate _; do
        [[ -n "$candidate" && "$candidate" == "$word"* ]] && COMPREPLY+=("\${candidate#"$kept"}")
    done <<< "\${out%:*}"
    return 0
}
complete -o default -F __holdfast_complete holdfast
`
