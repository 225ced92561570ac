import { Code, TextInput } from '@mantine/core'

export const isTyped = (phrase: string | undefined, typed: string): boolean =>
  phrase === undefined || plain(typed) === plain(phrase)

/** Before what cannot be taken back: the phrase names it, and is to be typed letter for letter. */
export function TypedPhrase(props: {
  phrase: string | undefined
  typed: string
  onType: (typed: string) => void
  autoFocus?: boolean
}) {
  const { phrase, typed, onType, autoFocus } = props
  if (phrase === undefined) return null
  return (
    <TextInput
      mt="xs"
      label={
        <>
          Type <Code>{phrase}</Code> to confirm
        </>
      }
      value={typed}
      onChange={(event) => onType(event.currentTarget.value)}
      error={mistakeIn(phrase, typed)}
      autoComplete="off"
      autoCapitalize="off"
      spellCheck={false}
      data-autofocus={autoFocus}
    />
  )
}

const plain = (text: string) => text.trim().toLowerCase()

/** Where it goes wrong: "fail over to east" for "west" is a mistake that matters. */
function mistakeIn(phrase: string, typed: string): string | undefined {
  const words = phrase.split(' ')
  const given = typed.trimStart().split(/\s+/)
  const at = given.findIndex((word, index) => {
    const wanted = words[index]?.toLowerCase() ?? ''
    // The last word may be under way still.
    const isLast = index === given.length - 1
    return isLast ? !wanted.startsWith(word.toLowerCase()) : wanted !== word.toLowerCase()
  })
  if (at < 0) return undefined
  const wanted = words[at]
  return wanted === undefined
    ? `The phrase ends with “${words.at(-1)}”; take “${given[at]}” away.`
    : `“${given[at]}” is not what is confirmed here: ${at === 0 ? 'the phrase begins with' : `after “${words.slice(0, at).join(' ')}” comes`} “${wanted}”.`
}
