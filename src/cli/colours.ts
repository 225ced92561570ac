import pc from 'picocolors'

const { env, stdout } = process

/**
 * Colours only where a human looks, in CI too, where picocolors would colour files. NO_COLOR and
 * FORCE_COLOR decide otherwise.
 */
export const colours = pc.createColors(
  !env.NO_COLOR && (!!env.FORCE_COLOR || (stdout.isTTY === true && env.TERM !== 'dumb')),
)
