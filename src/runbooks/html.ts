/** HTML that was made by `html`, so it is not escaped again. */
export interface Html {
  readonly text: string
}

type Part = Html | string | number | null

/** A template whose values are escaped, unless `html` made them. */
export function html(strings: TemplateStringsArray, ...values: readonly Part[]): Html {
  const text = strings.reduce(
    (all, piece, index) => all + toText(values[index - 1] ?? null) + piece,
  )
  return { text }
}

export function join(parts: readonly (Html | null)[]): Html {
  return { text: parts.map((part) => part?.text ?? '').join('\n') }
}

function toText(part: Part): string {
  if (part === null) return ''
  return typeof part === 'object' ? part.text : escapeHtml(String(part))
}

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Control characters are shown as such: a name must not turn the text around it upside down. */
export function escapeHtml(text: string): string {
  return text
    .replaceAll(/[&<>"']/g, (found) => escapes[found] ?? found)
    .replaceAll(/[\p{Cc}\p{Cf}]/gu, (found) => {
      const code = found.codePointAt(0) ?? 0
      return found === '\n'
        ? found
        : `&#91;U+${code.toString(16).toUpperCase().padStart(4, '0')}&#93;`
    })
}
