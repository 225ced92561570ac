import { isatty } from 'node:tty'

/** Serial lines and terminals of CI say 0: they do not know, and nobody can write into no columns. */
export function assumeSize(): void {
  if (isatty(1)) assumeSizeOf(process.stdout)
  if (isatty(2)) assumeSizeOf(process.stderr)
}

function assumeSizeOf(stream: NodeJS.WriteStream): void {
  const assume = () => {
    stream.columns ||= 80
    stream.rows ||= 24
  }
  assume()
  // Heard before whoever draws.
  stream.on('resize', assume)
}
