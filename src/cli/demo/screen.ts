import pc from 'picocolors'

/** What the demo shows: numbered chapters, the command behind each, one line that moves while work runs. */
export class Screen {
  readonly #started = performance.now()
  #chapter = 0
  #moving = false
  readonly #tty = process.stdout.isTTY === true

  chapter(title: string): void {
    this.#settle()
    this.#chapter += 1
    process.stdout.write(`\n${pc.bold(`${this.#chapter}  ${title}`)} ${pc.dim(this.#clock())}\n`)
  }

  command(args: readonly string[]): void {
    this.line(
      pc.cyan(
        `$ holdfast ${args.map((a) => (/[\s*"]/.test(a) ? JSON.stringify(a) : a)).join(' ')}`,
      ),
    )
  }

  line(text: string): void {
    this.#settle()
    process.stdout.write(`   ${text}\n`)
  }

  good(text: string): void {
    this.line(`${pc.green('✔')} ${text}`)
  }

  bad(text: string): void {
    this.line(`${pc.red('✖')} ${text}`)
  }

  /** Replaces the moving line in a terminal; in a pipe only `line`, `good` and `bad` print. */
  progress(text: string): void {
    if (!this.#tty) return
    process.stdout.write(`\r\x1b[2K   ${pc.dim(text.slice(0, (process.stdout.columns ?? 80) - 4))}`)
    this.#moving = true
  }

  seconds(): number {
    return (performance.now() - this.#started) / 1000
  }

  #settle(): void {
    if (this.#moving) process.stdout.write('\r\x1b[2K')
    this.#moving = false
  }

  #clock(): string {
    return `${this.seconds().toFixed(1)} s`
  }
}
