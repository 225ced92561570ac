import { AzureError } from '../context.ts'

/** Deeper than any document of Azure, and far from where recursion would run out of stack. */
const deepest = 100

/** Throws 400 for a JSON text with more levels: everything behind this walks documents recursively. */
export function refuseDeep(text: string): void {
  if (text.length <= deepest) return
  let depth = 0
  let inText = false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (inText) {
      if (code === backslash) i += 1
      else if (code === quote) inText = false
    } else if (code === quote) inText = true
    else if (code === openBrace || code === openBracket) {
      depth += 1
      if (depth > deepest) throw tooDeep()
    } else if (code === closeBrace || code === closeBracket) depth -= 1
  }
}

const [quote, backslash] = [0x22, 0x5c]
const [openBrace, closeBrace, openBracket, closeBracket] = [0x7b, 0x7d, 0x5b, 0x5d]

const tooDeep = () =>
  new AzureError(
    400,
    'InvalidRequestContent',
    `The request content was invalid and could not be deserialized: it has more than ${deepest} levels.`,
  )
