// A run that judges a change must say the same twice; runs by hand draw new seeds and find new things.
if (process.env.CI) {
  const { default: fc } = await import('fast-check')
  fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: 20261125 })
}
