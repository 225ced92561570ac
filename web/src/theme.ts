import { type CSSVariablesResolver, createTheme, DEFAULT_THEME } from '@mantine/core'

const shades = ['teal', 'orange', 'red', 'gray'] as const
const { orange, red, gray } = DEFAULT_THEME.colors
/** The last shade of each is dark enough for small text on its own light background (WCAG AA). */
const darker = (colors: typeof orange, last: string) => [...colors.slice(0, 9), last] as never

export const theme = createTheme({
  primaryColor: 'teal',
  primaryShade: 9,
  autoContrast: true,
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif',
  colors: {
    teal: darker(DEFAULT_THEME.colors.teal, '#045c42'),
    orange: darker(orange, '#8a3200'),
    red: darker(red, '#9b1c1c'),
    gray: darker(gray, '#343a40'),
  },
})

/** Mantine's defaults for dimmed, coloured and light-badge text are below the contrast of WCAG AA. */
export const readableColors: CSSVariablesResolver = ({ colors }) => {
  const text = (shade: number) =>
    Object.fromEntries(
      shades.flatMap((name) => [
        [`--mantine-color-${name}-text`, colors[name]?.[shade] ?? ''],
        [`--mantine-color-${name}-light-color`, colors[name]?.[shade] ?? ''],
        [`--mantine-color-${name}-outline`, colors[name]?.[shade] ?? ''],
      ]),
    )
  /** The default is lighter than the button itself, and white text on it not readable enough. */
  const hovered = Object.fromEntries(
    shades.map((name) => [
      `--mantine-color-${name}-filled-hover`,
      `color-mix(in srgb, ${colors[name]?.[9]} 85%, black)`,
    ]),
  )
  return {
    variables: {},
    light: {
      ...hovered,
      ...text(9),
      '--mantine-color-dimmed': gray[7],
      '--mantine-color-error': red[9],
    },
    dark: {
      ...hovered,
      ...text(3),
      '--mantine-color-dimmed': gray[4],
      '--mantine-color-error': red[4],
    },
  }
}
