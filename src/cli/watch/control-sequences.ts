const csi = '\x1b['

/** A terminal that knows synchronized output shows a picture only when it is whole; others ignore this. */
export const wholePicture = { begin: `${csi}?2026h`, end: `${csi}?2026l` } as const

/** Lines are written over what stands there and only their rest is cleared, so that nothing flickers. */
export const clearRestOfLine = `${csi}K`
export const clearBelow = `${csi}J`
export const home = `${csi}H`
export const up = (lines: number): string => (lines > 0 ? `${csi}${lines}A` : '')

export const fullScreen = {
  enter: `${csi}?1049h${csi}?25l`,
  leave: `${csi}?25h${csi}?1049l`,
} as const
