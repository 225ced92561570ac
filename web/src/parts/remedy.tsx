import { Button, Code, CopyButton, Group, Text } from '@mantine/core'

/** A remedy of the controller; its commands stand between backticks, and each can be copied. */
export function Remedy({ text }: { text: string }) {
  const commands = [...text.matchAll(/`([^`]+)`/g)].map(([, command = '']) => command)
  return (
    <>
      <Text size="sm" className="anywhere">
        {text.replaceAll('`', '')}
      </Text>
      {commands.map((command) => (
        <Command key={command} command={command} />
      ))}
    </>
  )
}

export function Command({ command }: { command: string }) {
  return (
    <Group gap="xs" mt={6} wrap="nowrap" className="unprinted">
      <Code className="anywhere">{command}</Code>
      <CopyButton value={command}>
        {({ copied, copy }) => (
          <Button
            size="compact-xs"
            variant="default"
            onClick={copy}
            aria-label={`${copied ? 'Copied' : 'Copy'} ${command}`}
          >
            {copied ? 'Copied' : 'Copy'}
          </Button>
        )}
      </CopyButton>
    </Group>
  )
}
