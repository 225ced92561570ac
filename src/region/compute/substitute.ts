/** What `${{…}}` in a command may name. Paths are local folders and files; literals are text. */
export interface Bindings {
  readonly inputs: Readonly<Record<string, string | undefined>>
  readonly outputs: Readonly<Record<string, string | undefined>>
}

/**
 * Fills `${{inputs.x}}` and `${{outputs.y}}`; a `$[[…]]` part stands only when every optional input in
 * it has a value. Throws on a name that does not exist: a silent gap would run another command.
 */
export function substitute(command: string, bindings: Bindings): string {
  const optional = command.replace(/\$\[\[([\s\S]*?)\]\]/g, (_, part: string) =>
    namesIn(part).every(([group, name]) => boundValue(bindings, group, name) !== undefined)
      ? part
      : '',
  )
  return optional.replace(/\$\{\{\s*([\w.]+)\s*\}\}/g, (whole, expression: string) => {
    const [group = '', name = '', ...rest] = expression.split('.')
    const value = rest.length === 0 ? boundValue(bindings, group, name) : undefined
    if (value === undefined) throw new Error(`the command names ${whole}, which has no value`)
    return value
  })
}

function namesIn(part: string): Array<[string, string]> {
  return [...part.matchAll(/\$\{\{\s*(\w+)\.(\w+)\s*\}\}/g)].map(([, group = '', name = '']) => [
    group,
    name,
  ])
}

function boundValue(bindings: Bindings, group: string, name: string): string | undefined {
  if (group === 'inputs' || group === 'search_space') return bindings.inputs[name]
  if (group === 'outputs') return bindings.outputs[name]
  return undefined
}
