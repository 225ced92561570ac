/** Maps whose keys people chose, names of columns and transformers: all of it is kept as it is. */
const kept: ReadonlySet<string> = new Set([
  ...['column_name_and_types', 'columnNameAndTypes'],
  ...['transformer_params', 'transformerParams'],
])

/** What stands under `key`, with the fields of the service rewritten and what people chose left alone. */
export function rewriteUnder<T extends object>(
  key: string,
  value: T,
  rewrite: (fields: T) => T,
): T {
  if (kept.has(key)) return value
  if (key !== 'webhooks') return rewrite(value)
  // Each has a name of somebody's choice, and fields of the service.
  const named = Object.entries(value).map(([name, fields]) => [
    name,
    typeof fields === 'object' && fields !== null ? rewrite(fields as T) : fields,
  ])
  return Object.fromEntries(named) as T
}
